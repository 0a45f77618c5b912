// @ts-check
// Tokens' names beside the rows and below the columns of a matrix.

import { fresh } from "./dom.js";

// Pixels from one name to the next: of smaller cells every second or third is named, of very small ones only the one
// that the reader points at.
const LEGIBLE = 10;
const SPARSEST = 3;
const PICTURE = "picture";

/**
 * The names to write along `length` pixels: {name, at, lit}; the lit one always, and none that would touch it. Of the
 * tokens of a picture, `folds`, no other is named.
 */
export function placed(names, length, lit, folds = []) {
  const cell = length / names.length;
  const step = Math.ceil(LEGIBLE / cell);
  const near = (place) => Math.abs(place - lit) * cell < LEGIBLE;
  const folded = (place) => folds.some(({ start, end }) => start <= place && place < end);
  const shown = (place) => place === lit || (step <= SPARSEST && place % step === 0 && !near(place) && !folded(place));
  return names
    .map((name, place) => ({ name, place, lit: place === lit, at: (place + 0.5) * cell }))
    .filter(({ place }) => shown(place))
    .map(({ name, lit, at }) => ({ name, lit, at: Math.min(Math.max(at, 6), length - 6) }));
}

/** What is said of a token where the pointer rests on it: its name, and which token of the vocabulary it is. */
export function titled(name, note) {
  return note ? `${name}\n${note}` : name;
}

/** The size of a name's letters where a cell is so many pixels high. */
export function size(cell) {
  return Math.min(Math.max(cell - 1, 11), 13);
}

function pen(context, palette, lit, pixels) {
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = lit ? palette.ink : palette.quiet;
  context.font = `${lit ? 600 : 400} ${pixels}px ${getComputedStyle(context.canvas).fontFamily}`;
}

/** Text cut to a width, with an ellipsis where something is left out. */
export function cut(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const characters = [...text.slice(0, 60)];
  while (characters.length && context.measureText(`${characters.join("")}…`).width > width) characters.pop();
  return `${characters.join("")}…`;
}

/** Names beside rows, from the top down; a line along those of a picture. */
export function drawRows(canvas, names, lit, palette, folds = []) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = height / names.length;
  for (const fold of folds) {
    context.fillStyle = palette.key;
    context.fillRect(width - 2, fold.start * cell + 1, 2, (fold.end - fold.start) * cell - 2);
    const at = middleOf(fold, cell, lit);
    pen(context, palette, false, 12);
    if (at !== null) context.fillText(cut(context, PICTURE, width - 6), width - 6, at);
  }
  for (const { name, at, lit: on } of placed(names, height, lit, folds)) {
    pen(context, palette, on, size(cell));
    context.fillText(cut(context, name, width - 4), width - 4, at);
  }
}

// Where the name of a picture stands along its line: not where the lit one of its tokens does, nor on a short line.
function middleOf({ start, end }, cell, lit) {
  const [from, to] = [start * cell, end * cell];
  if (to - from < 16) return null;
  const taken = (lit + 0.5) * cell;
  const middle = (from + to) / 2;
  if (Math.abs(taken - middle) > 16) return middle;
  return to - from < 64 ? null : middle + (taken > middle ? -20 : 20);
}

/** Names below columns, turned by a quarter; a line along those of a picture. */
export function drawColumns(canvas, names, lit, palette, folds = []) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  const cell = width / names.length;
  for (const fold of folds) {
    context.fillStyle = palette.key;
    context.fillRect(fold.start * cell + 1, 0, (fold.end - fold.start) * cell - 2, 2);
    pen(context, palette, false, 12);
    context.textAlign = "center";
    const room = (fold.end - fold.start) * cell;
    const at = Math.min(Math.max(((fold.start + fold.end) / 2) * cell, 22), width - 22);
    if (room > 44 && Math.abs(at - (lit + 0.5) * cell) > 30) context.fillText(PICTURE, at, 11);
  }
  for (const { name, at, lit: on } of placed(names, width, lit, folds)) {
    pen(context, palette, on, size(width / names.length));
    context.save();
    context.translate(at, 3);
    context.rotate(-Math.PI / 2);
    context.fillText(cut(context, name, height - 4), 0, 0);
    context.restore();
  }
}
