// @ts-check
// The range of a matrix's colours, and the words that say so: by row, by head, or the same for all heads.

/**
 * The number that gets the deepest colour in a matrix as it is drawn: one, or with the range "row" one a row.
 * @param {any} head
 * @param {{ range: string }} view
 * @param {string} name
 * @param {import("./matrix.js").Small} small
 * @returns {any}
 */
export function extent(head, { range }, name, { values, shape: [rows, columns], keep }) {
  if (range === "all") return name === "weights" ? 1 : head.extreme * (name === "scores" ? 1 : Math.abs(head.factor));
  const most = (start, end) => {
    let largest = 0;
    for (let c = start; c < end; c++) {
      const size = values[c] < 0 ? -values[c] : values[c];
      if (size > largest && (!keep || keep[c])) largest = size;
    }
    return largest || 1;
  };
  if (range === "head") return most(0, values.length);
  return Float64Array.from({ length: rows }, (_, row) => most(row * columns, row * columns + columns));
}

const DEPTHS = { linear: "", sqrt: ", √ colour", log: ", log colour" };

/** What the colours mean, in a few words; `pool` is how many cells a drawn one stands for, down and across. */
export function label({ range, colour }, name, most, pool) {
  const from = name === "weights" ? "0 to " : "± ";
  const drawn = pool.some((side) => side > 1) ? `, max of ${pool.join(" × ")}` : "";
  if (range === "row") return `${from}each row's largest${DEPTHS[colour]}${drawn}`;
  return `${from}${Number(most.toPrecision(3))}${range === "all" ? ", all heads" : ""}${DEPTHS[colour]}${drawn}`;
}
