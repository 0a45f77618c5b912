// @ts-check
// The grid of pictures: one canvas, laid out for the width that there is, with a ring around the head pointed at.

import { rgb, sequential } from "../shared/colour.js";
import { fading, h } from "../shared/dom.js";
import { badgesOf, most, short } from "./order.js";

const GUTTER = 34; // for the layers' numbers
const BAND = 20; // for the heads' numbers
const SMALLEST = 22;
const LARGEST = 190;
const TALL = 790; // what the rows share, where that leaves them large enough to see
const FOOT = { bar: 6, words: 14 };
const WORDS_FROM = 46; // a column this wide has room for a badge

/** The grid. */
export function grid(scope) {
  const canvas = h("canvas", { tabIndex: 0, role: "application", "aria-roledescription": "grid of heads" });
  const ring = h("div", { class: "ring" });
  const stage = h("div", { class: "stage" }, canvas, ring);
  const element = fading(h("div", { class: "grid" }, stage));
  let [lay, pictures, made] = [null, null, null];

  canvas.onpointermove = (event) => event.pointerType !== "touch" && scope.point(under(event));
  canvas.onclick = (event) => {
    const at = under(event);
    if (at === null) return;
    // A finger cannot hover: its first touch looks, its second opens.
    const seen = event.pointerType !== "touch" || (at.layer === scope.at.layer && at.head === scope.at.head);
    if (seen) scope.choose(at);
    else scope.point(at);
  };
  canvas.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") scope.choose(scope.at);
    else if (!scope.step(event.key)) return;
    event.preventDefault();
  };

  function under({ offsetX, offsetY }) {
    const column = Math.floor((offsetX - GUTTER) / lay.width);
    const row = Math.floor((offsetY - BAND) / lay.height);
    const found = offsetX < GUTTER || offsetY < BAND ? null : scope.places[row]?.[column];
    return found ? { layer: found.layer, head: found.head } : null;
  }

  function draw() {
    const { about, palette, places } = scope;
    const now = layout(about, places, element.clientWidth, scope.view.order !== "model");
    const state = JSON.stringify([now, scope.view, palette]);
    if (made?.about !== about || made.state !== state) {
      lay = now;
      if (made?.about !== about || made.ink !== palette.ink + palette.panel || pictures?.side !== lay.side) {
        pictures = drawn(about, palette, lay.side);
      }
      made = { about, state, ink: palette.ink + palette.panel };
      paint(canvas, pictures, lay, scope);
      canvas.ariaLabel = spoken(about, scope.view);
    }
    surround();
  }

  function surround() {
    const row = scope.places.findIndex((each) => each.some(here));
    const column = scope.places[row].findIndex(here);
    Object.assign(ring.style, {
      transform: `translate(${GUTTER + column * lay.width}px, ${BAND + row * lay.height}px)`,
      width: `${lay.width}px`,
      height: `${lay.height}px`,
    });
  }

  function here({ layer, head }) {
    return layer === scope.at.layer && head === scope.at.head;
  }
  return { element, draw };
}

/** Sizes in CSS pixels: a place for each head, its picture in it, and how many weights a side of that may show. */
export function layout({ planes, pooled, badges }, places, wide, named) {
  const [, heads, rows, columns] = planes.pictures.shape;
  const width = Math.floor(Math.min(LARGEST, Math.max(SMALLEST, (wide - GUTTER - 1) / heads)));
  const margin = width < WORDS_FROM ? 2 : 4;
  const words = width >= WORDS_FROM && (named || badges.length > 0);
  const foot = FOOT.bar + (words ? FOOT.words : 0) + 2 * margin;
  const room = Math.max(SMALLEST, TALL / places.length) - foot;
  const flat = (rows * pooled[0]) / (columns * pooled[1]);
  const across = Math.max(8, Math.min(width - 2 * margin, (width - 2 * margin) / flat, room / Math.min(1, flat)));
  const down = Math.max(6, Math.min(room, across * flat));
  return { width, height: Math.ceil(down + foot), across, down, margin, words, side: devicePixelRatio * across };
}

/** Every picture on one canvas; where a pixel would be several cells, it shows the largest. */
function drawn({ planes }, palette, side) {
  const [layers, heads, rows, columns] = planes.pictures.shape;
  const each = Math.max(1, Math.floor(columns / side));
  const [tall, wide] = [Math.ceil(rows / each), Math.ceil(columns / each)];
  const canvas = new OffscreenCanvas(heads * wide, layers * tall);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = sequential(palette);
  const cells = each === 1 ? planes.pictures : largest(planes.pictures, each, tall, wide);
  for (let picture = 0, from = 0; picture < layers * heads; picture++) {
    const corner = Math.floor(picture / heads) * tall * canvas.width + (picture % heads) * wide;
    for (let row = 0; row < tall; row++) {
      const start = corner + row * canvas.width;
      for (let column = 0; column < wide; column++) pixels[start + column] = colours[cells[from++]];
    }
  }
  context.putImageData(image, 0, 0);
  return { canvas, tall, wide, side };
}

function largest(cells, each, tall, wide) {
  const [layers, heads, rows, columns] = cells.shape;
  const found = new Uint8Array(layers * heads * tall * wide);
  for (let at = 0, row = 0; row < layers * heads * rows; row++) {
    const start = (Math.floor(row / rows) * tall + Math.floor((row % rows) / each)) * wide;
    for (let column = 0; column < columns; column++, at++) {
      const place = start + Math.floor(column / each);
      if (cells[at] > found[place]) found[place] = cells[at];
    }
  }
  return found;
}

function paint(canvas, pictures, lay, { about, view, palette, places }) {
  const ratio = devicePixelRatio;
  const size = [GUTTER + lay.width * places[0].length + 1, BAND + lay.height * places.length];
  Object.assign(canvas, { width: Math.round(size[0] * ratio), height: Math.round(size[1] * ratio) });
  Object.assign(canvas.style, { width: `${size[0]}px`, height: `${size[1]}px` });
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
  context.imageSmoothingEnabled = pictures.wide > lay.side;
  context.imageSmoothingQuality = "high";
  numbers(context, lay, places, view, palette);
  const top = most(about, view.pattern);
  for (const [y, row] of places.entries()) {
    for (const [x, place] of row.entries()) {
      context.globalAlpha = place.passes ? 1 : 0.13;
      const corner = [GUTTER + x * lay.width, BAND + y * lay.height];
      cell(context, corner, place, { pictures, lay, palette, top, view, about });
    }
  }
}

/** The numbers of the layers and heads, where rows and columns are layers and heads. */
function numbers(context, lay, places, view, palette) {
  context.fillStyle = palette.quiet;
  context.textBaseline = "middle";
  context.textAlign = "center";
  const skip = lay.width < 24 ? 2 : 1;
  if (view.order === "model") {
    for (let head = 0; head < places[0].length; head += skip) {
      context.fillText(head, GUTTER + (head + 0.5) * lay.width, BAND / 2);
    }
  }
  context.textAlign = "left";
  context.fillText(view.order === "model" ? "L \\ H" : "most first →", 0, BAND / 2);
  if (view.order === "all") return;
  context.textAlign = "right";
  places.forEach((row, y) => {
    context.fillText(row[0].layer, GUTTER - 10, BAND + y * lay.height + lay.margin + lay.down / 2);
  });
}

/** @type {(context: CanvasRenderingContext2D, corner: number[], place: any, how: any) => void} */
function cell(context, [left, top], place, { pictures, lay, palette, top: full, view, about }) {
  const x = left + (lay.width - lay.across) / 2;
  const y = top + lay.margin;
  const share = Math.min(1, Math.max(0, place.value / full)) || 0;
  context.fillStyle = `rgb(${rgb(palette.weights).join(" ")} / ${(0.42 * share).toFixed(3)})`;
  context.fillRect(left + 1, top + 1, lay.width - 2, lay.height - 2);
  const { canvas, wide, tall } = pictures;
  context.drawImage(
    canvas,
    place.head * wide,
    about.layers.indexOf(place.layer) * tall,
    wide,
    tall,
    x,
    y,
    lay.across,
    lay.down,
  );
  context.strokeStyle = palette.line;
  context.lineWidth = 1;
  context.strokeRect(x - 0.5, y - 0.5, lay.across + 1, lay.down + 1);
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

function spoken({ planes, shape }, view) {
  const [layers, heads] = planes.table.shape;
  return (
    `${layers} layers of ${heads} heads over ${shape[0]} tokens, marked by ${view.pattern}. ` +
    "Arrow keys move from head to head, Enter opens the head."
  );
}
