// @ts-check
// Every head's map of the chosen sentence, small, and the chosen head's with its tokens.

import { paint, sequential } from "../shared/colour.js";
import { choice } from "../shared/controls.js";
import { canvas, fading, h, number, once, write } from "../shared/dom.js";
import { hatching, Matrix } from "../shared/matrix.js";
import { drawColumns, drawRows } from "../shared/names.js";
import { steps } from "../shared/steps.js";
import { capital, named } from "./words.js";

const GAP = 10;
const FOOT = 26; // for a head's name and its bar
const LARGEST = 190;
const SMALLEST = { wide: 40, tall: 64 };
const TALL = 440; // what the rows share, where that leaves them large enough to see
const DEPTH = "sqrt";

/** The panels. */
export function maps(scope) {
  const parts = [all(scope), one(scope)];
  const element = h("div", { class: "looks" }, ...parts.map((part) => part.element));
  function draw(now) {
    for (const part of parts) part.draw(now);
  }
  return { element, draw };
}

function all(scope) {
  const sentences = choice("sentence", {}, (text) => scope.choose({ text: Number(text) }));
  const board = h("canvas", { tabIndex: 0, role: "application", "aria-roledescription": "grid of heads" });
  const ring = h("div", { class: "ring" });
  const note = h("p", { class: "note" });
  const stage = fading(h("div", { class: "maps" }, board, ring));
  const element = h("section", { class: "panel" }, sentences.element, stage, note);
  const small = document.createElement("canvas");
  let [lay, texts] = [null, null];
  const sizes = new ResizeObserver(() => scope.history && scope.refresh());
  sizes.observe(stage);

  board.onclick = ({ offsetX, offsetY }) => {
    const [layers, heads] = scope.history.shape;
    const [layer, head] = [Math.floor(offsetY / lay.down), Math.floor(offsetX / lay.across)];
    if (layer < layers && head < heads) scope.choose({ layer, head });
  };
  board.onkeydown = (event) => {
    const next = steps(event, [scope.layer, scope.head], scope.history.shape);
    if (!next) return;
    event.preventDefault();
    scope.choose({ layer: next[0], head: next[1] });
  };

  function draw() {
    const { history, layer, head, text, lead } = scope;
    if (texts !== history.texts) {
      texts = history.texts;
      sentences.select.replaceChildren(...texts.map((each, value) => h("option", { value }, each)));
    }
    sentences.draw(text);
    const [layers, heads] = history.shape;
    const tall = Math.max(TALL / layers - FOOT - GAP, SMALLEST.tall);
    const wide = Math.max((stage.clientWidth - 6) / heads - GAP, SMALLEST.wide);
    const side = Math.floor(Math.min(wide, tall, LARGEST));
    lay = { side, across: side + GAP, down: side + FOOT + GAP };
    drawAll(board, small, lay, scope);
    board.ariaLabel = `${layers} layers of ${heads} heads; ${named(scope)} is chosen. Arrow keys move from head to head.`;
    Object.assign(ring.style, {
      transform: `translate(${head * lay.across}px, ${layer * lay.down}px)`,
      width: `${side + GAP}px`,
      height: `${side + FOOT + 4}px`,
    });
    const { name } = history.patterns[lead] ?? {};
    write(note, `layer.head${name ? `; bar: ${name}, tick: even attention` : ""}. Colour: weight, 0 to 1, √ scale.`);
  }
  return { element, draw };
}

function drawAll(board, small, { side, across, down }, { history, text, at, lead, palette, layer: L, head: H }) {
  const [layers, heads] = history.shape;
  const [tokens] = history.side(text);
  const size = [heads * across, layers * down];
  const scale = devicePixelRatio;
  Object.assign(board, { width: Math.round(size[0] * scale), height: Math.round(size[1] * scale) });
  Object.assign(board.style, { width: `${size[0]}px`, height: `${size[1]}px` });
  const context = board.getContext("2d");
  context.scale(scale, scale);
  context.imageSmoothingEnabled = tokens > side * scale;
  context.font = `12px ${getComputedStyle(board).fontFamily}`;
  context.textBaseline = "top";
  Object.assign(small, { width: tokens, height: tokens });
  const image = new ImageData(tokens, tokens);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = sequential(palette);
  const hatch = hatching(context, palette);
  hatch.setTransform(new DOMMatrix().scale(1 / scale));
  const keep = history.keep[text];
  for (const place of history.places) {
    const [x, y] = [place.head * across + GAP / 2, place.layer * down + 5];
    paint(history.map({ text, ...place }, at), pixels, colours, { depth: DEPTH });
    for (let cell = 0; cell < pixels.length; cell++) if (!keep[cell]) pixels[cell] = 0;
    small.getContext("2d").putImageData(image, 0, 0);
    context.fillStyle = hatch;
    context.fillRect(x, y, side, side);
    context.drawImage(small, x, y, side, side);
    context.strokeStyle = palette.line;
    context.strokeRect(x - 0.5, y - 0.5, side + 1, side + 1);
    const chosen = place.layer === L && place.head === H;
    context.fillStyle = chosen ? palette.ink : palette.quiet;
    context.fillText(`${place.layer}.${place.head}`, x, y + side + 5);
    if (history.patterns[lead]) bar(context, [x + 26, y + side + 9, side - 26], history, lead, place, at, palette);
  }
}

/** The followed pattern as a bar, with a tick where even attention stands. */
function bar(context, [x, y, wide], history, lead, place, at, palette) {
  const share = Math.min(Math.max(history.value(lead, place, at), 0), 1) || 0;
  context.fillStyle = palette.line;
  context.fillRect(x, y, wide, 5);
  context.fillStyle = palette.weights;
  context.fillRect(x, y, wide * share, 5);
  context.fillStyle = palette.ink;
  context.fillRect(x + Math.min(history.patterns[lead].uniform, 1) * wide - 0.5, y - 2, 1.5, 9);
}

function one(scope) {
  const place = { at: (query, key) => ({ query, key }), mark: ({ query, key }) => ({ row: query, column: key }) };
  const matrix = new Matrix(scope, { symbol: "weights", title: "Weights", ...place });
  const redraw = () => scope.refresh();
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, redraw);
  const columns = canvas({ class: "names columns", "aria-hidden": "true" }, redraw);
  const said = h("p", { class: "note" });
  matrix.element.append(columns);
  const margin = h("div", { class: "beside" }, h("small", {}, "attends from ↓"), rows, h("small", {}, "attends to →"));
  const element = h("section", { class: "panel" }, h("div", { class: "map" }, margin, matrix.element), said);

  function draw(now) {
    const { history, text, layer, head, at, cell, palette } = scope;
    const names = history.tokens[text];
    const shape = history.side(text);
    const values = history.map(scope, at);
    write(matrix.title.firstChild, capital(named(scope)));
    matrix.canvas.ariaLabel = `Weights of ${named(scope)}. Arrow keys move from cell to cell.`;
    const version = [history.steps.length, text, layer, head, at].join();
    const note = (_, [tall]) => `${shape.join(" × ")}${tall > 1 ? ", largest of each block" : ""}`;
    const look = { probability: true, extent: () => 1, depth: DEPTH, note };
    matrix.draw({ values, shape, keep: history.keep[text], version, ...look }, now);
    once(rows, [names, cell.query, palette.ink], () => drawRows(rows, names, cell.query, palette));
    once(columns, [names, cell.key, palette.ink], () => drawColumns(columns, names, cell.key, palette));
    write(said, arrow(scope, values));
  }
  return { element, draw };
}

/** The cell pointed at, in words. */
function arrow({ history, text, cell: { query, key } }, values) {
  const names = history.tokens[text];
  const pair = `${names[query]} (${query}) → ${names[key]} (${key})`;
  const [side] = history.side(text);
  if (!history.keep[text][query * side + key]) return `${pair}: comes later, may not be attended to.`;
  return `${pair}: ${number(values[query * side + key])}, even attention ${number(history.even(text, query))}.`;
}
