// @ts-check
// Context = weights V, the product that takes most of a frame: four rows and two numbers of the context at a time.

/**
 * Write `weights` (n, m) times the values into `context` (n, dv), summed in double precision and rounded once.
 *
 * @param {Float32Array} weights
 * @param {Float64Array} turned the values, one row a number of theirs, (dv, m)
 * @param {Float32Array} context
 * @param {number[]} shape n and m
 * @param {number} dv
 */
export function mix(weights, turned, context, [n, m], dv) {
  for (let i = 0; i < n; i += 4) {
    // Where fewer than four rows or two numbers are left, the last is made again.
    const q = i + 1 < n ? i + 1 : n - 1;
    const r = i + 2 < n ? i + 2 : n - 1;
    const s = i + 3 < n ? i + 3 : n - 1;
    const a = i * m;
    const b = q * m;
    const c = r * m;
    const d = s * m;
    const [first, end] = filled(weights, [a, b, c, d], m);
    for (let x = 0; x < dv; x += 2) {
      const y = x + 1 < dv ? x + 1 : x;
      const left = x * m;
      const right = y * m;
      // One variable each, which a processor keeps in its registers: an array of them takes three times as long.
      let a0 = 0;
      let a1 = 0;
      let b0 = 0;
      let b1 = 0;
      let c0 = 0;
      let c1 = 0;
      let d0 = 0;
      let d1 = 0;
      for (let j = first; j < end; j++) {
        const v = turned[left + j];
        const w = turned[right + j];
        a0 += weights[a + j] * v;
        a1 += weights[a + j] * w;
        b0 += weights[b + j] * v;
        b1 += weights[b + j] * w;
        c0 += weights[c + j] * v;
        c1 += weights[c + j] * w;
        d0 += weights[d + j] * v;
        d1 += weights[d + j] * w;
      }
      context[i * dv + x] = a0;
      context[i * dv + y] = a1;
      context[q * dv + x] = b0;
      context[q * dv + y] = b1;
      context[r * dv + x] = c0;
      context[r * dv + y] = c1;
      context[s * dv + x] = d0;
      context[s * dv + y] = d1;
    }
  }
}

/**
 * From the first to past the last of `m` keys that get a weight in some of the rows: a mask leaves less to do.
 * @param {Float32Array} weights
 * @param {number[]} rows where each begins
 * @param {number} m
 */
function filled(weights, rows, m) {
  const given = (key) => rows.some((start) => weights[start + key]);
  let first = 0;
  let end = m;
  while (first < end && !given(first)) first++;
  while (end > first && !given(end - 1)) end--;
  return [first, end];
}

/**
 * A matrix turned, in double precision: each column becomes a row.
 * @param {ArrayLike<number>} values
 * @param {number} rows
 * @param {number} columns
 */
export function turned(values, rows, columns) {
  const made = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) made[j * rows + i] = values[i * columns + j];
  return made;
}
