// @ts-check
// Which lines of a head to draw, and drawing them: curves from a token's height on the left to another's on the right.

import { DEPTHS } from "../shared/colour.js";

/** More lines than these are a blur that takes longer than a frame: the strongest are drawn. */
export const MOST = 4000;
const LEVELS = 255; // steps of opacity
const WIDEST = 4; // pixels, at a weight of 1
const FEW = 500; // lines that may all be a whole pixel wide, where the screen has finer ones

/** Opacity from 0 to 255: how deep `weight` is where `most` is the deepest. */
export function levelOf(weight, most, depth) {
  return Math.round(Math.min(DEPTHS[depth](weight / most), 1) * LEVELS);
}

/**
 * The lines to draw, the faintest first: {cells, levels, drawn, hidden, faint, total}.
 *
 * cells: flat places in the weights; levels: opacity of each, 1 to 255; most: the weight of full opacity, or one a row;
 * total: all that the mask and `taking` let through; hidden: those below `threshold`; faint: those that could not be
 * seen; drawn: at most MOST of the others. With `focus` {side, place}, only the lines of that token.
 */
export function chosenLines({ weights, keep, shape: [n, m] }, { threshold, depth, most, taking, focus }) {
  const counts = new Uint32Array(LEVELS + 1);
  const [found, levels] = [[], []];
  let [total, hidden] = [0, 0];
  const [fromQuery, endQuery] = focus?.side === "query" ? [focus.place, focus.place + 1] : [0, n];
  const [fromKey, endKey] = focus?.side === "key" ? [focus.place, focus.place + 1] : [0, m];
  for (let query = fromQuery; query < endQuery; query++) {
    if (!taking.query[query]) continue;
    const deepest = most[query] ?? most;
    for (let key = fromKey; key < endKey; key++) {
      const cell = query * m + key;
      if (!taking.key[key] || !keep[cell]) continue;
      total++;
      if (weights[cell] < threshold) {
        hidden++;
        continue;
      }
      const level = levelOf(weights[cell], deepest, depth);
      counts[level]++;
      found.push(cell);
      levels.push(level);
    }
  }
  return { ...strongest(found, levels, counts), hidden, faint: counts[0], total };
}

// The MOST strongest, in the order of their levels. Of the level where the limit falls, an even spread is kept: the
// first ones would be those of the first tokens.
function strongest(found, levels, counts) {
  let [cut, above] = [LEVELS, 0];
  while (cut > 0 && above + counts[cut] <= MOST) above += counts[cut--];
  const room = cut && MOST - above;
  const starts = new Uint32Array(LEVELS + 1);
  for (let level = cut + 1, place = room; level <= LEVELS; place += counts[level++]) starts[level] = place;
  const cells = new Uint32Array(above + room);
  const sorted = new Uint8Array(above + room);
  for (let place = 0, tied = 0; place < found.length; place++) {
    const level = levels[place];
    if (level < cut || level === 0) continue;
    if (level === cut && !stepped(tied++, room / counts[cut])) continue;
    sorted[starts[level]] = level;
    cells[starts[level]++] = found[place];
  }
  return { cells, levels: sorted, drawn: cells.length };
}

// True for an even share of all steps.
function stepped(step, share) {
  return Math.floor((step + 1) * share) > Math.floor(step * share);
}

/**
 * Draw chosen lines on the part of the sheet in view: `top`, `height`, `width` in pixels, `row` the height of a token.
 *
 * A line is 4 pixels wide times its weight, and at least one. Where there are many, that is one of the screen's: those
 * are drawn several times faster than any wider ones, of which a row that sums to 1 has few.
 */
export function drawLines(canvas, { cells, levels }, { weights, keys, top, height, width: wide, row, colour }) {
  const scale = devicePixelRatio;
  const width = Math.round(wide * scale);
  const rows = Math.round(height * scale);
  if (canvas.width !== width || canvas.height !== rows) Object.assign(canvas, { width, height: rows });
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, rows);
  context.strokeStyle = colour;
  const least = cells.length > FEW ? 1 : scale;
  const y = (place) => ((place + 0.5) * row - top) * scale;
  const curve = (from, to) => {
    context.moveTo(0, from);
    context.bezierCurveTo(width / 2, from, width / 2, to, width, to);
  };
  for (let start = 0; start < cells.length; ) {
    const level = levels[start];
    const thin = [];
    context.globalAlpha = level / LEVELS;
    for (; start < cells.length && levels[start] === level; start++) {
      const cell = cells[start];
      const [from, to] = [y(Math.floor(cell / keys)), y(cell % keys)];
      if ((from < 0 && to < 0) || (from > rows && to > rows)) continue;
      const line = WIDEST * scale * weights[cell];
      if (line <= least) {
        thin.push([from, to]);
        continue;
      }
      context.lineWidth = line;
      context.beginPath();
      curve(from, to);
      context.stroke();
    }
    context.lineWidth = least;
    context.beginPath();
    for (const [from, to] of thin) curve(from, to);
    context.stroke();
  }
}
