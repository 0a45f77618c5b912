// @ts-check
// What stands in one place of the grid: a head's picture, its bar and its words; and the numbers around the places.

import { rgb, sequential } from "../shared/colour.js";
import { badgesOf, short } from "./order.js";

export const GUTTER = 34; // for the layers' numbers
export const BAND = 20; // for the heads' numbers
const PICTURE = 40; // no picture is smaller: what does not fit is scrolled to
const EASY = 64; // as large as pictures are where they are scrolled to anyway, and there is room
const LARGEST = 190;
const TALL = 790; // what the rows share, where that leaves them large enough to see
const FOOT = { bar: 6, words: 14 };
const SLIM = 3; // around a picture

/** Sizes in CSS pixels: a place for each head, its picture in it, and how many weights a side of that may show. */
export function layout({ planes, pooled, badges }, places, wide, named) {
  const [, heads, rows, columns] = planes.pictures.shape;
  const width = Math.floor(Math.min(LARGEST, Math.max(PICTURE + 2 * SLIM, (wide - GUTTER - 1) / heads)));
  const margin = width < 60 ? SLIM : 4;
  const words = named || badges.length > 0;
  const foot = FOOT.bar + (words ? FOOT.words : 0) + 2 * margin;
  const shared = TALL / places.length - foot;
  const room = shared < PICTURE ? EASY : shared;
  const flat = (rows * pooled[0]) / (columns * pooled[1]);
  const across = Math.max(PICTURE, Math.min(width - 2 * margin, (width - 2 * margin) / flat, room / Math.min(1, flat)));
  const down = Math.max(6, Math.min(room, across * flat));
  return { width, height: Math.ceil(down + foot), across, down, margin, words, side: devicePixelRatio * across };
}

/** The pictures of one layer, side by side; where a pixel would be several cells, it shows the largest. */
export function strip({ planes, here }, layer, palette, side) {
  const [, heads, rows, columns] = planes.pictures.shape;
  const place = here.indexOf(layer);
  if (place < 0) return null;
  const each = Math.max(1, Math.floor(columns / side));
  const [tall, wide] = [Math.ceil(rows / each), Math.ceil(columns / each)];
  const canvas = new OffscreenCanvas(heads * wide, tall);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, tall);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = sequential(palette);
  const size = rows * columns;
  for (let head = 0; head < heads; head++) {
    const from = (place * heads + head) * size;
    const cells = largest(planes.pictures.subarray(from, from + size), [rows, columns], each, [tall, wide]);
    for (let row = 0; row < tall; row++) {
      const start = row * canvas.width + head * wide;
      for (let column = 0; column < wide; column++) pixels[start + column] = colours[cells[row * wide + column]];
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, tall, wide };
}

function largest(cells, [rows, columns], each, [tall, wide]) {
  if (each === 1) return cells;
  const found = new Uint8Array(tall * wide);
  for (let row = 0, at = 0; row < rows; row++) {
    const start = Math.floor(row / each) * wide;
    for (let column = 0; column < columns; column++, at++) {
      const place = start + Math.floor(column / each);
      if (cells[at] > found[place]) found[place] = cells[at];
    }
  }
  return found;
}

/** The numbers of the layers and heads, where rows and columns are layers and heads; they stay while the rest scrolls. */
export function numbers(context, lay, { places, view, palette, rows, columns, left, up }) {
  context.fillStyle = palette.quiet;
  context.textBaseline = "middle";
  context.textAlign = "center";
  if (view.order === "model") {
    for (let head = columns[0]; head < Math.min(columns[1], places[0].length); head++) {
      const x = GUTTER + (head + 0.5) * lay.width - left;
      if (x > GUTTER) context.fillText(head, x, BAND / 2);
    }
  }
  context.textAlign = "left";
  // A head's number would run into these where the first is scrolled half away.
  if (view.order !== "model" || left === 0)
    context.fillText(view.order === "model" ? "L \\ H" : "most first →", 3, BAND / 2);
  if (view.order === "all") return;
  context.textAlign = "right";
  for (const [y, row] of places.slice(...rows).entries()) {
    const middle = BAND + (rows[0] + y) * lay.height + lay.margin + lay.down / 2 - up;
    if (middle > BAND) context.fillText(row[0].layer, GUTTER - 10, middle);
  }
}

/** @type {(context: CanvasRenderingContext2D, corner: number[], place: any, how: any) => void} */
export function cell(context, [left, top], place, { strip: pictures, lay, palette, top: full, view, about }) {
  const x = left + (lay.width - lay.across) / 2;
  const y = top + lay.margin;
  const share = Math.min(1, Math.max(0, place.value / full)) || 0;
  context.fillStyle = `rgb(${rgb(palette.weights).join(" ")} / ${(0.42 * share).toFixed(3)})`;
  context.fillRect(left + 1, top + 1, lay.width - 2, lay.height - 2);
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  if (pictures) {
    const { canvas, wide, tall } = pictures;
    context.imageSmoothingEnabled = wide > lay.side;
    context.imageSmoothingQuality = "high";
    context.drawImage(canvas, place.head * wide, 0, wide, tall, x, y, lay.across, lay.down);
  }
  context.strokeRect(x - 0.5, y - 0.5, lay.across + 1, lay.down + 1);
  if (!pictures) return; // its layer is still being computed
  bar(context, x, y + lay.down + 3, lay.across, share, place.baseline / full, palette);
  if (!lay.words) return;
  context.fillStyle = palette.ink;
  context.textAlign = "center";
  const room = lay.width - 2;
  const badge = badgesOf(about, place)[0];
  const name = view.order === "all" ? `${place.layer}.${place.head}` : view.order === "layer" ? `${place.head}` : "";
  const words = [name, badge && `${badge.name} ${short(badge.value)}`].filter(Boolean).join(" · ");
  const fits = [words, badge && name ? `${name} ${badge.name}` : "", badge?.name ?? "", name].find(
    (each) => each && context.measureText(each).width <= room,
  );
  if (fits) context.fillText(fits, left + lay.width / 2, y + lay.down + FOOT.bar + FOOT.words / 2 + 1);
}

/** The chosen pattern as a bar, with a tick where even attention would stand. */
function bar(context, x, y, wide, share, even, palette) {
  context.fillStyle = palette.line;
  context.fillRect(x, y, wide, 3);
  context.fillStyle = palette.weights;
  context.fillRect(x, y, wide * share, 3);
  if (Number.isNaN(even)) return;
  context.fillStyle = palette.ink;
  context.fillRect(x + Math.min(1, even) * wide - 0.5, y - 1, 1, 5);
}
