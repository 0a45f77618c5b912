// @ts-check
// Where the tokens of a head lie on a picture: its crops, the patch of a token, and the run that is one among words.

// Tokens between two crops of one picture that are marks of its layout, and not words of the reader.
const MARKS = 8;

/**
 * A crop of the picture, or all of it: `box` is its left, top, right and bottom in shares of the picture, `cells` the
 * token of each patch, row by row.
 * @typedef {{ box: [number, number, number, number], rows: number, columns: number, cells: number[] }} Crop
 */

/**
 * Tokens of a picture that stand together among others.
 * @typedef {{ start: number, end: number, patches: number, name: string }} Fold
 */

/**
 * Crops in layers: what lies over another stands on a picture of its own, such as all of it beside its crops.
 * @param {Crop[]} crops
 * @returns {{ name: string, crops: Crop[] }[]}
 */
export function layersOf(crops) {
  /** @type {Crop[][]} */
  const layers = [];
  for (const crop of crops) {
    const free = layers.find((layer) => layer.every((other) => !overlap(crop.box, other.box)));
    if (free) free.push(crop);
    else layers.push([crop]);
  }
  return layers.map((layer) => ({ crops: layer, name: layers.length > 1 ? nameOf(layer) : "" }));
}

/** @param {Crop[]} layer */
function nameOf(layer) {
  const [[left, top, right, bottom]] = layer.map(({ box }) => box);
  if (layer.length > 1) return `${layer.length} crops`;
  return (right - left) * (bottom - top) > 0.9 ? "whole" : "crop";
}

// Neighbours may touch, and by rounding a little more than that.
function overlap([left, top, right, bottom], [left2, top2, right2, bottom2]) {
  const across = Math.min(right, right2) - Math.max(left, left2);
  const down = Math.min(bottom, bottom2) - Math.max(top, top2);
  return across > 0.1 * Math.min(right - left, right2 - left2) && down > 0.1 * Math.min(bottom - top, bottom2 - top2);
}

/**
 * The box of a token on the picture, in shares of it: [left, top, wide, high]; null where it lies on none of the crops.
 * @param {Crop[]} crops
 * @param {number} token
 */
export function boxOf(crops, token) {
  for (const crop of crops) {
    const cell = crop.cells.indexOf(token);
    if (cell >= 0) return cellBox(crop, cell);
  }
  return null;
}

/** The box of a crop's cell: [left, top, wide, high]. */
export function cellBox({ box: [left, top, right, bottom], rows, columns }, cell) {
  const [wide, high] = [(right - left) / columns, (bottom - top) / rows];
  return [left + (cell % columns) * wide, top + Math.floor(cell / columns) * high, wide, high];
}

/**
 * The token at a point of the picture; null where no crop reaches.
 * @param {Crop[]} crops
 */
export function tokenAt(crops, x, y) {
  for (const { box, rows, columns, cells } of crops) {
    const [left, top, right, bottom] = box;
    if (x < left || x > right || y < top || y > bottom) continue;
    const within = (share, count) => Math.min(Math.floor(share * count), count - 1);
    const row = within((y - top) / (bottom - top), rows);
    return cells[row * columns + within((x - left) / (right - left), columns)];
  }
  return null;
}

/**
 * Which tokens lie on the picture: 1 for each that does.
 * @param {Crop[] | null | undefined} crops
 */
export function onPicture(crops, length) {
  const on = new Uint8Array(length);
  for (const { cells } of crops ?? []) for (const token of cells) if (token >= 0) on[token] = 1;
  return on;
}

/**
 * The tokens of a picture as one, with the marks between its crops: where they stand, and what they are called.
 * @param {Crop[] | null | undefined} crops
 * @param {number} length
 * @returns {Fold[]}
 */
export function foldsOf(crops, length) {
  const on = onPicture(crops, length);
  /** @type {Fold[]} */
  const folds = [];
  for (let token = 0; token < length; token++) {
    if (!on[token]) continue;
    const last = folds.at(-1);
    if (last && token - last.end <= MARKS) Object.assign(last, { end: token + 1, patches: last.patches + 1 });
    else folds.push({ start: token, end: token + 1, patches: 1, name: "" });
  }
  for (const fold of folds) {
    const inside = (crops ?? []).filter(({ cells }) => cells.some((token) => token >= fold.start && token < fold.end));
    const crop = inside.length > 1 ? `${inside.length} crops, ` : "";
    fold.name = `picture, ${crop}${fold.patches} ${fold.patches === 1 ? "patch" : "patches"}`;
  }
  return folds.filter(({ patches }) => patches > 1);
}
