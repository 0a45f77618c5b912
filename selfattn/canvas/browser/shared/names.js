// @ts-check
// Tokens' names beside the rows and below the columns of a matrix.

import { fresh } from "./dom.js";

// Pixels from one name to the next: of smaller cells every second or third is named, of very small ones only the one
// that the reader points at.
const LEGIBLE = 10;
const SPARSEST = 3;

/** The names to write along `length` pixels: {name, at, lit}; the lit one always, and none that would touch it. */
export function placed(names, length, lit) {
  const cell = length / names.length;
  const step = Math.ceil(LEGIBLE / cell);
  const near = (place) => Math.abs(place - lit) * cell < LEGIBLE;
  const shown = (place) => place === lit || (step <= SPARSEST && place % step === 0 && !near(place));
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

/** Names beside rows, from the top down. */
export function drawRows(canvas, names, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  for (const { name, at, lit: on } of placed(names, height, lit)) {
    pen(context, palette, on, size(height / names.length));
    context.fillText(cut(context, name, width - 4), width - 4, at);
  }
}

/** Names below columns, turned by a quarter. */
export function drawColumns(canvas, names, lit, palette) {
  const context = fresh(canvas);
  if (!context) return;
  const { width, height } = canvas.box;
  for (const { name, at, lit: on } of placed(names, width, lit)) {
    pen(context, palette, on, size(width / names.length));
    context.save();
    context.translate(at, 3);
    context.rotate(-Math.PI / 2);
    context.fillText(cut(context, name, height - 4), 0, 0);
    context.restore();
  }
}
