// @ts-check
// One cell by its numbers: from q . k to the weight, and which dimensions of q and k made the score.

import { canvas, fraction, fresh, h, number, write } from "../shared/dom.js";

const PARTS = {
  dot: { name: "q·k", whole: (q, k) => [q, "·", k], of: (q, k) => q * k },
  cosine: {
    name: "q·k ÷ |q||k|",
    whole: (q, k) => ["cos(", q, ", ", k, ")"],
    of: (q, k, norms) => (norms ? (q * k) / norms : 0),
  },
  rbf: { name: "−(q − k)² ÷ 2", whole: (q, k) => ["−|", q, " − ", k, "|² ÷ 2"], of: (q, k) => -((q - k) ** 2) / 2 },
};

/**
 * What each dimension of q and k gives to their score: {name, values}, whose sum it is; null where the model's own
 * similarity is none of these.
 */
export function partsOf({ similarity: own, query, key, d }, { similarity }, { query: i, key: j }) {
  const part = PARTS[similarity === "own" ? own : similarity];
  if (!part) return null;
  const [q, k] = [query.subarray(i * d, i * d + d), key.subarray(j * d, j * d + d)];
  const norms = Math.hypot(...q) * Math.hypot(...k);
  return { name: part.name, values: Float64Array.from(q, (_, c) => part.of(q[c], k[c], norms)) };
}

/** The panel of the cell that the reader points at. */
export function cell(scope) {
  const title = h("h2");
  const lines = h("div", { class: "arithmetic" });
  const bars = canvas({ class: "products", role: "img" }, () => scope.refresh());
  const said = h("p", { class: "note" });
  const hide = h("button", { type: "button", class: "quiet" });
  const release = h("button", { type: "button", class: "quiet", onclick: () => scope.release() }, "Let go (Esc)");
  hide.onclick = () => scope.set({ pairs: toggled(scope.view.pairs, scope.cell) });
  const element = h(
    "section",
    { class: "panel cell" },
    title,
    h(
      "div",
      { class: "halves" },
      h("div", {}, lines, h("div", { class: "buttons" }, hide, release)),
      h("div", {}, bars, said),
    ),
  );
  // The buttons are for the pinned cell: pointing elsewhere shows other numbers, and leaves them in place.
  function draw() {
    const { head, cell, view, palette } = scope;
    title.replaceChildren(
      h("span", { class: "q", title: head.notes?.queries[cell.query] ?? "" }, head.queries[cell.query]),
      " → ",
      h("span", { class: "k", title: head.notes?.keys[cell.key] ?? "" }, head.keys[cell.key]),
      h("small", {}, `${cell.query} → ${cell.key}`),
    );
    lines.replaceChildren(...arithmetic(head, view, cell).map((line) => h("div", {}, ...line)));
    const hidden = view.pairs.some(([i, j]) => i === cell.query && j === cell.key);
    write(hide, hidden ? "Show this pair" : "Hide this pair");
    release.hidden = view.query === null;
    const parts = partsOf(head, view, cell);
    bars.hidden = said.hidden = !parts;
    if (parts) write(said, drawn(bars, parts, head, cell, palette));
    bars.setAttribute("aria-label", said.textContent);
  }
  return { element, draw };
}

function toggled(pairs, { query, key }) {
  const others = pairs.filter(([i, j]) => i !== query || j !== key);
  return others.length < pairs.length ? others : [...pairs, [query, key]];
}

/** The lines of a cell's arithmetic, each a list of strings and elements. */
export function arithmetic(head, view, { query: i, key: j }) {
  const c = i * head.shape[1] + j;
  const scaled = head.scaled[c];
  const similarity = view.similarity === "own" ? head.similarity : view.similarity;
  const whole = PARTS[similarity]?.whole ?? ((q, k) => [q, ` ${similarity} `, k]);
  const lines = [
    [...whole(h("span", { class: "q" }, "q"), h("span", { class: "k" }, "k")), ` = ${number(head.scores[c])}`],
    [`× ${Number(head.factor.toPrecision(4))} = ${number(scaled)}`],
  ];
  const capped = head.softcap ? head.softcap * Math.tanh(scaled / head.softcap) : scaled;
  if (head.softcap) lines.push([`cap ${head.softcap}: ${number(capped)}`]);
  const bias = head.bias?.[c] ?? 0;
  if (bias) lines.push([`${bias > 0 ? "+" : "−"} ${number(Math.abs(bias))} (position) = ${number(capped + bias)}`]);
  const { temperature } = head;
  if (temperature !== 1) lines.push([`÷ T = ${temperature} → ${number((capped + bias) / temperature)}`]);
  if (!head.keep[c]) lines.push(["e", h("sup", {}, "−∞"), " = 0: the mask hides it"]);
  else {
    const power = h("sup", {}, `${number(head.logits[c])} − ${number(head.largest[i])}`);
    lines.push(["e", power, ` ÷ ${number(head.total[i])}`]);
  }
  const uniform = head.keep[c] ? 1 / head.allowed[i] : 0;
  lines.push([
    h("b", { class: "w" }, `weight = ${fraction(head.weights[c])}`),
    h("span", { class: "note" }, ` uniform ${fraction(uniform)}`),
  ]);
  if (head.sink != null)
    lines.push([h("span", { class: "note" }, `the row's sink keeps ${fraction(1 - head.sum[i])}`)]);
  return lines;
}

/** The cell in one sentence, for those who hear it. */
export function sentence(head, { query: i, key: j }) {
  const c = i * head.shape[1] + j;
  const weight = head.keep[c]
    ? `weight ${fraction(head.weights[c])}, uniform ${fraction(1 / head.allowed[i])}`
    : "masked: may not attend";
  const score = `score ${number(head.scores[c])}, scaled ${number(head.scaled[c])}`;
  return `${head.queries[i]} attends to ${head.keys[j]}: ${score}, ${weight}.`;
}

// A bar a dimension. Returns what there is to see, in words.
function drawn(canvas, { name, values }, { query, key, d }, { query: i, key: j, dimension = null }, palette) {
  drawParts(canvas, values, dimension, palette);
  if (dimension !== null) {
    const [q, k] = [number(query[i * d + dimension]), number(key[j * d + dimension])];
    const both = name === PARTS.dot.name ? `${q} · ${k}` : `q ${q}, k ${k}: ${name}`;
    return `dimension ${dimension}: ${both} = ${number(values[dimension])}`;
  }
  const order = [...values.keys()].sort((a, b) => Math.abs(values[b]) - Math.abs(values[a])).slice(0, 3);
  return `${name} by dimension; the largest: ${order.map((c) => `${c} (${number(values[c], 2)})`).join(", ")}`;
}

function drawParts(canvas, made, dimension, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const most = made.reduce((a, b) => Math.max(a, Math.abs(b)), 0) || 1;
  const bar = width / made.length;
  made.forEach((product, c) => {
    const size = (Math.abs(product) / most) * (height / 2 - 1);
    context.fillStyle = c === dimension ? palette.ink : product < 0 ? palette.key : palette.weights;
    context.fillRect(
      c * bar,
      product < 0 ? height / 2 : height / 2 - size,
      Math.max(bar - (bar > 3 ? 1 : 0), 0.5),
      size,
    );
  });
  context.fillStyle = palette.quiet;
  context.fillRect(0, Math.round(height / 2), width, 1);
}
