// The stages in a row that reads like the equation: Q K^T -> scaled -> masked -> weights -> V -> context.

import { canvas, fresh, h, number, write } from "./dom.js";
import { extent, label } from "./extent.js";
import { Matrix } from "./matrix.js";

const NARROWEST = 132;
const WIDEST = 300;
// Pixels from one name to the next: of smaller cells every second or third is named, of very small ones only the one
// that the reader points at.
const LEGIBLE = 10;
const SPARSEST = 3;

/** The view of all stages; `controls` stand over the matrices that they change. */
export function stages(scope, controls) {
  const matrices = matricesOf(scope);
  const drawAgain = () => scope.refresh();
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, drawAgain);
  const entropy = canvas({ class: "entropy", role: "img", "aria-label": "Entropy of each row" }, drawAgain);
  const names = ["scores", "scaled", "logits", "weights"].map((name) => {
    const columns = canvas({ class: "names columns", "aria-hidden": "true" }, drawAgain);
    matrices[name].element.append(columns);
    return columns;
  });
  const { query, key, scores, scaled, logits, weights, value, context } = matrices;
  scores.element.prepend(key.element);
  const spread = h("figure", { class: "matrix spread" }, h("figcaption", {}, "H", h("small", {}, "row")), entropy);
  const strip = h(
    "div",
    { class: "strip" },
    controls,
    h("div", { class: "margin" }, h("small", {}, "attends from ↓"), rows, h("small", {}, "attends to →")),
    ...[query, scores, scaled, logits, weights].map((matrix) => matrix.element),
    spread,
    value.element,
    context.element,
  );
  const element = h("div", { class: "stages" }, strip);

  // The squares share what the other columns leave.
  new ResizeObserver(() => {
    const fixed = parseFloat(getComputedStyle(strip).getPropertyValue("--fixed"));
    const side = Math.min(Math.max((element.clientWidth - fixed) / 4, NARROWEST), WIDEST);
    strip.style.setProperty("--side", `${Math.floor(side)}px`);
  }).observe(element);

  function draw(now) {
    for (const [name, matrix] of Object.entries(matrices)) matrix.draw(drawing(scope, name), now);
    for (const [name, text] of Object.entries(titles(scope))) write(matrices[name].title.firstChild, text);
    const { head, cell, palette } = scope;
    once(rows, [head, cell.query, palette.ink], () => drawRows(rows, head.queries, cell.query, palette));
    for (const columns of names) {
      once(columns, [head, cell.key, palette.ink], () => drawColumns(columns, head.keys, cell.key, palette));
    }
    drawEntropy(entropy, head, cell.query, palette);
  }
  return { element, draw };
}

// Draw where something that the drawing depends on has changed.
function once(canvas, causes, draw) {
  const all = [...causes, canvas.box];
  if (canvas.causes?.every((cause, place) => cause === all[place])) return;
  canvas.causes = all;
  draw();
}

function matricesOf(scope) {
  const pair = { at: (query, key) => ({ query, key }), mark: ({ query, key }) => ({ row: query, column: key }) };
  const make = (name, symbol, title, place) => [name, new Matrix(scope, { name, symbol, title, ...place })];
  return Object.fromEntries([
    make("query", "query", "Q", {
      at: (query, dimension) => ({ query, key: null, dimension }),
      mark: ({ query, dimension = null }) => ({ row: query, column: dimension }),
    }),
    make("key", "key", "Kᵀ", {
      at: (dimension, key) => ({ query: null, key, dimension }),
      mark: ({ key, dimension = null }) => ({ row: dimension, column: key }),
    }),
    make("scores", "weights", "Q Kᵀ", pair),
    make("scaled", "weights", "÷ √d", pair),
    make("logits", "weights", "+ mask", pair),
    make("weights", "weights", "softmax", pair),
    make("value", "value", "· V", {
      at: (key, component) => ({ query: null, key, component }),
      mark: ({ key, component = null }) => ({ row: key, column: component }),
    }),
    make("context", "context", "= context", {
      at: (query, component) => ({ query, key: null, component }),
      mark: ({ query, component = null }) => ({ row: query, column: component }),
    }),
  ]);
}

// What a matrix draws: its numbers, what they depend on, the range of their colours, and the words beside the title.
function drawing({ head, view, version, opened }, name) {
  const { shape: [n, m], d, dv } = head;
  if (name === "query") return activation(head.query, [n, d], opened);
  if (name === "key") return activation((head.transposed ??= transpose(head.key, m, d)), [d, m], opened);
  if (name === "value") return activation(head.value, [m, dv], opened);
  if (name === "context") return activation(head.context, [n, dv], version);
  const probability = name === "weights";
  const made = { scores: view.similarity, scaled: `${view.similarity}${view.scaled}` }[name] ?? version;
  return {
    values: head[name],
    shape: [n, m],
    keep: name === "logits" || probability ? head.keep : undefined,
    version: `${opened} ${made} ${view.range}`,
    probability,
    extent: (small) => extent(head, view, name, small),
    depth: view.colour,
    note: (most, pool) => label(view, name, most, pool),
  };
}

function activation(values, shape, version) {
  const extent = (small) => small.values.reduce((most, value) => Math.max(most, Math.abs(value)), 0) || 1;
  return { values, shape, version, extent, note: () => shape.join(" × ") };
}

function transpose(values, rows, columns) {
  const turned = new Float32Array(values.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) turned[j * rows + i] = values[i * columns + j];
  return turned;
}

// The step that each matrix takes from the one before it, as it stands.
function titles({ head, view }) {
  const scale = Number(head.factor.toPrecision(4));
  const masked = head.allowed.some((count) => count < head.shape[1]);
  const tempered = view.temperature === 1 ? "" : `÷ ${view.temperature} `;
  return {
    scores: head.similarity === "dot" && view.similarity === "own" ? "Q Kᵀ" : "scores",
    scaled: scale === 1 ? "not scaled" : `× ${scale}`,
    logits: `${tempered}${masked ? "+ mask" : tempered ? "" : "no mask"}`,
  };
}

// The places to name: the lit one always, and no other so near that the two would touch.
function named(count, cell, lit) {
  const step = Math.ceil(LEGIBLE / cell);
  const near = (place) => place !== lit && Math.abs(place - lit) * cell < LEGIBLE;
  const shown = (place) => place === lit || (step <= SPARSEST && place % step === 0 && !near(place));
  return Array.from({ length: count }, (_, place) => place).filter(shown);
}

function pen(context, palette, lit, size) {
  context.fillStyle = lit ? palette.ink : palette.quiet;
  context.font = `${lit ? 600 : 400} ${size}px ${getComputedStyle(context.canvas).fontFamily}`;
}

/** Text cut to a width, with an ellipsis where something is left out. */
export function cut(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const characters = [...text.slice(0, 60)];
  while (characters.length && context.measureText(`${characters.join("")}…`).width > width) characters.pop();
  return `${characters.join("")}…`;
}

function drawRows(canvas, names, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = height / names.length;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const row of named(names.length, cell, lit)) {
    pen(context, palette, row === lit, Math.min(Math.max(cell - 1, 11), 13));
    const y = Math.min(Math.max((row + 0.5) * cell, 6), height - 6);
    context.fillText(cut(context, names[row], width - 4), width - 4, y);
  }
}

function drawColumns(canvas, names, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = width / names.length;
  context.textAlign = "right";
  context.textBaseline = "middle";
  for (const column of named(names.length, cell, lit)) {
    pen(context, palette, column === lit, Math.min(Math.max(cell - 1, 11), 13));
    context.save();
    context.translate(Math.min(Math.max((column + 0.5) * cell, 6), width - 6), 3);
    context.rotate(-Math.PI / 2);
    context.fillText(cut(context, names[column], height - 4), 0, 0);
    context.restore();
  }
}

function drawEntropy(canvas, head, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = height / head.shape[0];
  const gap = cell > 4 ? 1 : 0;
  head.entropy.forEach((entropy, row) => {
    context.fillStyle = palette.line;
    context.fillRect(0, row * cell, width, cell - gap);
    context.fillStyle = row === lit ? palette.ink : palette.weights;
    if (entropy === entropy) context.fillRect(0, row * cell, width * Math.min(entropy, 1), cell - gap);
  });
  const at = head.entropy[lit];
  canvas.title = `Entropy over its most, by row. This row: ${number(at)}; uniform: 1.`;
}
