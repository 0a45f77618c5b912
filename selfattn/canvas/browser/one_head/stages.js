// @ts-check
// The stages in a row that reads like the equation: Q K^T -> scaled -> masked -> weights -> V -> context.

import { canvas, fading, fresh, h, number, once, write } from "../shared/dom.js";
import { extent, label } from "../shared/extent.js";
import { Matrix } from "../shared/matrix.js";
import { drawColumns, drawRows } from "../shared/names.js";

const NARROWEST = 132;
const WIDEST = 300;
// What each stage is, in a few words below its name; in a sentence where a pointer rests on it.
const MEANINGS = {
  query: ["asks", "What each token asks"],
  key: ["what each token offers", "What each token offers to those that ask"],
  scores: ["how well they match", "How well each query and each key match: one number a pair"],
  scaled: ["kept small", "Kept small, so that the softmax stays soft"],
  logits: ["who may be read", "Who may be read: what the mask hides is minus infinity"],
  weights: ["each row sums to 1", "What each row reads from each token: its weights sum to 1"],
  value: ["hands on", "What each token hands on to those that read it"],
  context: ["receives", "What each token receives: the values, by the weights of its row"],
};
/** The view of all stages; `host` takes the controls, which stand over the matrices that they change. */
export function stages(scope) {
  const matrices = matricesOf(scope);
  const drawAgain = () => scope.refresh();
  const margins = [margin(drawAgain, "attends from ↓"), margin(drawAgain, "… and then ↓")];
  const entropy = canvas({ class: "entropy", role: "img", "aria-label": "Entropy of each row" }, drawAgain);
  const sink = canvas({ class: "sink", role: "img" }, drawAgain);
  const names = ["scores", "scaled", "logits", "weights"].map((name) => {
    const columns = canvas({ class: "names columns", "aria-hidden": "true" }, drawAgain);
    matrices[name].element.append(columns);
    return columns;
  });
  const { query, key, scores, scaled, logits, weights, value, context } = matrices;
  scores.element.prepend(key.element);
  const spread = h(
    "figure",
    { class: "matrix spread", title: "How spread each row is: 0 at one token, 1 over all alike" },
    h("figcaption", {}, "H", h("small", {}, "row")),
    entropy,
  );
  const apart = h("figure", { class: "matrix apart" }, h("figcaption", {}, "sink", h("small", {}, "0 to 1")), sink);
  const lines = [
    h("div", { class: "line" }, margins[0].element, ...[query, scores, scaled].map((matrix) => matrix.element)),
    h(
      "div",
      { class: "line" },
      margins[1].element,
      ...[logits.element, weights.element, apart, spread, value.element, context.element],
    ),
  ];
  const strip = h("div", { class: "strip" }, ...lines);
  const element = fading(h("div", { class: "stages" }, strip));

  // The squares share what the other columns leave; in two lines where one is too narrow.
  new ResizeObserver(() => {
    const [fixed, across] = ["--fixed", "--across"].map((name) =>
      parseFloat(getComputedStyle(strip).getPropertyValue(name)),
    );
    const side = Math.min(Math.max((element.clientWidth - fixed) / across, NARROWEST), WIDEST);
    strip.style.setProperty("--side", `${Math.floor(side)}px`);
  }).observe(element);

  function draw(now) {
    for (const [name, matrix] of Object.entries(matrices)) matrix.draw(drawing(scope, name), now);
    for (const [name, text] of Object.entries(titles(scope))) write(matrices[name].title.firstChild, text);
    const { head, cell, palette } = scope;
    for (const { rows } of margins) {
      once(rows, [head, cell.query, palette.ink], () =>
        drawRows(rows, head.queries, cell.query, palette, head.folds?.queries),
      );
    }
    for (const columns of names) {
      once(columns, [head, cell.key, palette.ink], () =>
        drawColumns(columns, head.keys, cell.key, palette, head.folds?.keys),
      );
    }
    drawEntropy(entropy, head, cell.query, palette);
    apart.hidden = head.sink == null;
    strip.classList.toggle("with-sink", !apart.hidden);
    if (!apart.hidden) drawSink(sink, head, cell.query, palette);
  }
  return { element, host: strip, draw };
}

// The names of the rows, beside a line of matrices.
function margin(drawAgain, said) {
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, drawAgain);
  const element = h("div", { class: "margin" }, h("small", {}, said), rows, h("small", {}, "attends to →"));
  return { element, rows };
}

function matricesOf(scope) {
  const pair = { at: (query, key) => ({ query, key }), mark: ({ query, key }) => ({ row: query, column: key }) };
  const make = (name, symbol, title, place) => {
    const matrix = new Matrix(scope, { symbol, title, ...place });
    const [words, sentence] = MEANINGS[name];
    matrix.note.before(h("small", {}, words));
    matrix.title.title = sentence;
    return [name, matrix];
  };
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
  const {
    shape: [n, m],
    d,
    dv,
  } = head;
  if (name === "query") return activation(head.query, [n, d], opened);
  if (name === "key") {
    head.transposed ??= transpose(head.key, m, d);
    return activation(head.transposed, [d, m], opened);
  }
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
  const tempered = head.temperature === 1 ? "" : `÷ ${head.temperature} `;
  return {
    scores: head.similarity === "dot" && view.similarity === "own" ? "Q Kᵀ" : "scores",
    scaled: scale === 1 ? "not scaled" : `× ${scale}`,
    logits: `${tempered}${masked ? "+ mask" : tempered ? "" : "no mask"}`,
  };
}

// The weight that a row gives to no token: a learned logit takes part in its softmax, and its share is dropped.
function drawSink(canvas, head, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = height / head.shape[0];
  head.sum.forEach((sum, row) => {
    context.globalAlpha = head.allowed[row] ? 1 - sum : 0;
    context.fillStyle = palette.weights;
    context.fillRect(0, row * cell, width, cell - (cell > 4 ? 1 : 0));
  });
  context.globalAlpha = 1;
  context.strokeStyle = palette.ink;
  context.strokeRect(0.5, Math.round(lit * cell) + 0.5, width - 1, Math.max(Math.round(cell) - 1, 3));
  const said = `This row gives ${number(1 - head.sum[lit])} to the sink, a learned logit, and ${number(head.sum[lit])} to tokens.`;
  Object.assign(canvas, { title: said, ariaLabel: said });
}

function drawEntropy(canvas, head, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = height / head.shape[0];
  const gap = cell > 4 ? 1 : 0;
  // One path for all bars of a colour: hundreds of rows are a thousand calls else.
  const fill = (colour, rows, long) => {
    context.fillStyle = colour;
    context.beginPath();
    for (const row of rows) context.rect(0, row * cell, width * long(head.entropy[row]), cell - gap);
    context.fill();
  };
  const rows = [...head.entropy.keys()];
  const long = (entropy) => (Number.isNaN(entropy) ? 0 : Math.min(entropy, 1));
  fill(palette.line, rows, () => 1);
  fill(palette.weights, rows, long);
  fill(palette.ink, [lit], long);
  const at = head.entropy[lit];
  canvas.title = `Entropy over its most, by row. This row: ${number(at)}; uniform: 1.`;
}
