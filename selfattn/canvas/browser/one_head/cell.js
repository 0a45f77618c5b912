// @ts-check
// One cell by its numbers: from q . k to the weight, and which dimensions of q and k made the score.

import { canvas, fresh, h, number, write } from "../shared/dom.js";

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
      h("span", { class: "q" }, head.queries[cell.query]),
      " → ",
      h("span", { class: "k" }, head.keys[cell.key]),
      h("small", {}, `${cell.query} → ${cell.key}`),
    );
    lines.replaceChildren(...arithmetic(head, view, cell).map((line) => h("div", {}, ...line)));
    const hidden = view.pairs.some(([i, j]) => i === cell.query && j === cell.key);
    write(hide, hidden ? "Show this pair" : "Hide this pair");
    release.hidden = view.query === null;
    write(said, products(bars, head, cell, palette));
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
  const lines = [
    [
      h("span", { class: "q" }, "q"),
      head.alike[view.similarity],
      h("span", { class: "k" }, "k"),
      ` = ${number(head.scores[c])}`,
    ],
    [`× ${Number(head.factor.toPrecision(4))} = ${number(scaled)}`],
  ];
  const capped = head.softcap ? head.softcap * Math.tanh(scaled / head.softcap) : scaled;
  if (head.softcap) lines.push([`cap ${head.softcap}: ${number(capped)}`]);
  const bias = head.bias?.[c] ?? 0;
  if (bias) lines.push([`${bias > 0 ? "+" : "−"} ${number(Math.abs(bias))} (position) = ${number(capped + bias)}`]);
  const { temperature } = head;
  if (temperature !== 1) lines.push([`÷ T = ${temperature} → ${number((capped + bias) / temperature)}`]);
  if (!head.keep[c]) lines.push(["mask: may not attend"]);
  else {
    const power = h("sup", {}, `${number(head.logits[c])} − ${number(head.largest[i])}`);
    lines.push(["e", power, ` ÷ ${number(head.total[i])}`]);
  }
  const uniform = head.keep[c] ? 1 / head.allowed[i] : 0;
  lines.push([
    h("b", { class: "w" }, `weight = ${number(head.weights[c], 4)}`),
    h("span", { class: "note" }, ` uniform ${number(uniform, 4)}`),
  ]);
  if (head.sink != null)
    lines.push([h("span", { class: "note" }, `the row's sink keeps ${number(1 - head.sum[i], 4)}`)]);
  return lines;
}

/** The cell in one sentence, for those who hear it. */
export function sentence(head, { query: i, key: j }) {
  const c = i * head.shape[1] + j;
  const weight = head.keep[c]
    ? `weight ${number(head.weights[c], 4)}, uniform ${number(1 / head.allowed[i], 4)}`
    : "masked: may not attend";
  const score = `score ${number(head.scores[c])}, scaled ${number(head.scaled[c])}`;
  return `${head.queries[i]} attends to ${head.keys[j]}: ${score}, ${weight}.`;
}

// A bar a dimension: q_d k_d, whose sum is the score. Returns what there is to see, in words.
function products(canvas, { query, key, d }, { query: i, key: j, dimension = null }, palette) {
  const made = Float64Array.from({ length: d }, (_, c) => query[i * d + c] * key[j * d + c]);
  drawProducts(canvas, made, dimension, palette);
  if (dimension !== null) {
    const [q, k] = [query[i * d + dimension], key[j * d + dimension]];
    return `dimension ${dimension}: ${number(q)} · ${number(k)} = ${number(q * k)}`;
  }
  const order = [...made.keys()].sort((a, b) => Math.abs(made[b]) - Math.abs(made[a])).slice(0, 3);
  return `q·k by dimension; the largest: ${order.map((c) => `${c} (${number(made[c], 2)})`).join(", ")}`;
}

function drawProducts(canvas, made, dimension, palette) {
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
