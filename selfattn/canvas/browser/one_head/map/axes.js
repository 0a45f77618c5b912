// @ts-check
// What stands around the map: tokens where cells are large enough, else positions; and the tokens of the lit cell.

const LEGIBLE = 13;
const SLANT = -Math.PI / 3;
// Pixels that the longest label takes.
const LONGEST = 200;
const PICTURE = "picture";
// Pixels between two positions that are written.
const APART = 54;

/** Draw the labels of the rows, to the left of what is seen, and of the columns, below it. */
export function axes(context, camera, head, cell, palette, margin) {
  const { i0, i1, j0, j1 } = camera.seen;
  const left = Math.max(camera.left, 0) - 6;
  const bottom = Math.min(camera.top + camera.shape[0] * camera.cell, camera.height) + 6;
  const room = { row: Math.min(left + margin.left - 8, LONGEST), column: (margin.bottom - 24) / Math.sin(-SLANT) };
  const row = (text, y, colour) => write(context, text, [left, y, 0], room.row, colour);
  const column = (text, x, colour) => write(context, text, [x, bottom, SLANT], room.column, colour);
  const font = `12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.font = font;
  context.textBaseline = "middle";
  context.textAlign = "right";
  const { query = null, key = null } = cell ?? {};
  for (const [place, y] of chosen(i0, i1, camera.cell, camera.top, camera.height)) {
    if (isFree(place, query, camera, head.folds?.queries)) row(labelOf(head.queries, place, camera), y, palette.quiet);
  }
  for (const [place, x] of chosen(j0, j1, camera.cell, camera.left, camera.width)) {
    if (isFree(place, key, camera, head.folds?.keys)) column(labelOf(head.keys, place, camera), x, palette.quiet);
  }
  context.fillStyle = palette.key;
  const down = spans(head.folds?.queries, camera.cell, camera.top, camera.height, query);
  const across = spans(head.folds?.keys, camera.cell, camera.left, camera.width, key);
  for (const { from, length } of down) context.fillRect(left + 2, from, 2, length);
  for (const { from, length } of across) context.fillRect(from, bottom - 4, length, 2);
  for (const { at } of down) if (at !== null) row(PICTURE, at, palette.quiet);
  for (const { at } of across) if (at !== null) column(PICTURE, at, palette.quiet);
  context.font = `600 ${font}`;
  const middle = (offset, place) => offset + (place + 0.5) * camera.cell;
  if (query !== null && query >= i0 && query < i1) row(head.queries[query], middle(camera.top, query), palette.query);
  if (key !== null && key >= j0 && key < j1) column(head.keys[key], middle(camera.left, key), palette.key);
}

// The lines along the tokens of pictures, as far as they are in sight; and where their name stands, if it has room and
// the patches have none of their own.
function spans(folds = [], cell, offset, length, lit) {
  const seen = folds.map(({ start, end }) => {
    const [from, to] = [Math.max(offset + start * cell, 0) + 1, Math.min(offset + end * cell, length) - 1];
    const middle = (from + to) / 2;
    const free = lit === null || Math.abs(offset + (lit + 0.5) * cell - middle) > LEGIBLE;
    return { from, length: to - from, at: cell < LEGIBLE && free ? middle : null };
  });
  return seen.filter((span) => span.length > 2);
}

// Is there room for the label of a place? Positions within a picture say nothing.
function isFree(place, lit, { cell }, folds = []) {
  return !near(place, lit, cell) && (cell >= LEGIBLE || !folds.some(({ start, end }) => start <= place && place < end));
}

// Which places get a label, and where on the axis.
function chosen(first, end, size, offset, length) {
  const places = [];
  const step = size >= LEGIBLE ? 1 : nice(APART / size);
  for (let place = Math.ceil(first / step) * step; place < end; place += step) {
    const at = offset + (place + 0.5) * size;
    if (at >= 0 && at <= length) places.push([place, at]);
  }
  return places;
}

function labelOf(texts, place, camera) {
  return camera.cell >= LEGIBLE ? texts[place] : place.toLocaleString("en");
}

// The lit label takes the place of those that it would cover.
function near(place, lit, size) {
  return lit !== null && Math.abs(place - lit) * size < LEGIBLE;
}

function nice(least) {
  const power = 10 ** Math.floor(Math.log10(Math.max(least, 1)));
  return [1, 2, 5, 10].map((times) => times * power).find((step) => step >= least) ?? 10 * power;
}

function write(context, text, [x, y, angle], room, colour) {
  context.save();
  context.translate(x, y);
  context.rotate(angle);
  context.fillStyle = colour;
  context.fillText(cut(context, text, room), 0, 0);
  context.restore();
}

/** The beginning of a text that fits into `room` pixels, with an ellipsis where something is left out. */
export function cut(context, text, room) {
  const letters = [...text.slice(0, 80)];
  const whole = letters.length === text.length || letters.join("") === text;
  if (whole && context.measureText(text).width <= room) return text;
  let [fits, tooLong] = [0, letters.length + 1];
  while (fits + 1 < tooLong) {
    const middle = (fits + tooLong) >> 1;
    if (context.measureText(`${letters.slice(0, middle).join("")}…`).width <= room) fits = middle;
    else tooLong = middle;
  }
  return `${letters.slice(0, fits).join("")}…`;
}
