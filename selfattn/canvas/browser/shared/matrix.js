// @ts-check
// One matrix on a canvas: numbers as colours, masked cells hatched, the cell that the reader points at outlined.

import { diverging, paint, sequential } from "./colour.js";
import { canvas, h } from "./dom.js";

// Below so many device pixels a cell's borders would hide its colour.
const GRID = 7;
// Milliseconds from the colours that stand there to new ones.
const MORPH = 300;

/** @typedef {import("./scope.js").Cell} Cell */

/**
 * What a matrix draws; `version` names the numbers, `keep` is 0 where masked.
 * @typedef {object} Numbers
 * @property {ArrayLike<number>} values row by row
 * @property {number[]} shape
 * @property {Uint8Array | null} [keep]
 * @property {string | number} version
 * @property {boolean} [probability]
 * @property {(small: Small) => number | Float64Array} extent
 * @property {string} [depth]
 * @property {(most: any, pool: number[]) => string} note
 */

/** @typedef {{ values: ArrayLike<number>, keep?: Uint8Array | null, shape: number[] }} Small */

/**
 * What a matrix needs of its scope.
 * @typedef {object} Host
 * @property {any} cell
 * @property {Record<string, string>} palette
 * @property {{ matches: boolean }} still
 * @property {boolean} moving
 * @property {(cell: any) => void} point
 * @property {(cell: any) => void} pin
 * @property {() => void} refresh
 */

/**
 * A matrix of the equation.
 *
 * `at(row, column)` is the cell of the scope that a place in this matrix means, `mark(cell)` the rows and columns of
 * this matrix that belong to a cell: {row, column}, each null where it has none.
 */
export class Matrix {
  /** The sides of what is drawn. @type {number[]} */
  shape = [1, 1];
  /** What the pixels follow, as text. */
  asked = "";
  /** The place that is outlined, as text. */
  marked = "";
  /** What the table of colours follows, and the table. */
  tableKey = "";
  colours = new Uint32Array(256);
  /** The numbers as they are painted, of blocks of cells where those are smaller than a pixel. @type {Small | null} */
  small = null;
  /** The pixels that stand there, those to come, and those that they come from. @type {Uint32Array<ArrayBuffer> | null} */
  shown = null;
  /** @type {Uint32Array<ArrayBuffer>} */
  target = new Uint32Array();
  /** @type {Uint32Array<ArrayBuffer> | null} */
  origin = null;
  began = 0;

  /**
   * @param {Host} scope
   * @param {object} about
   * @param {string} about.symbol
   * @param {string} about.title
   * @param {(row: number, column: number) => object} about.at
   * @param {(cell: any) => { row: number | null, column: number | null }} about.mark
   */
  constructor(scope, { symbol, title, at, mark }) {
    this.scope = scope;
    this.symbol = symbol;
    this.at = at;
    this.mark = mark;
    this.note = h("small");
    this.title = h("figcaption", {}, title, this.note);
    const spoken = { role: "application", "aria-roledescription": "matrix", "aria-label": title };
    this.canvas = canvas({ tabIndex: 0, ...spoken }, () => scope.refresh());
    this.element = h("figure", { class: `matrix ${symbol}` }, this.title, this.canvas);
    this.canvas.onpointermove = (event) => scope.point(this.at(...this.#place(event)));
    this.canvas.onpointerleave = () => scope.point(null);
    this.canvas.onclick = (event) => scope.pin(this.at(...this.#place(event)));
    this.canvas.onkeydown = (event) => this.#key(event);
    this.bitmap = document.createElement("canvas");
  }

  /**
   * Draw numbers: the same version is not painted again. `extent(small)` gives the number of the deepest colour (or one
   * a row) for the numbers that are drawn.
   * @param {Numbers} numbers
   * @param {number} now
   */
  draw({ values, shape, keep, version, probability = false, extent, depth = "linear", note }, now) {
    this.shape = shape;
    const { palette } = this.scope;
    const [width, height] = [this.canvas.box.width, this.canvas.box.height].map((side) =>
      Math.round(side * devicePixelRatio),
    );
    if (!width || !height) return;
    const asked = [version, depth, width, height, Object.values(palette)].join();
    if (asked !== this.asked) {
      this.asked = asked;
      const pool = [Math.ceil(shape[0] / height), Math.ceil(shape[1] / width)];
      const small = pooled(values, keep, shape, pool);
      const most = extent(small);
      const said = note(most, pool);
      if (this.note.textContent !== said) this.note.textContent = said;
      this.#aim(this.#painted(small, { signed: !probability, depth, most }, palette), now);
      this.small = small;
    } else if (!this.origin && this.marked === this.#marked()) {
      return;
    }
    this.marked = this.#marked();
    this.#blit(this.#morphed(now), this.small.shape, width, height, palette);
  }

  #marked() {
    const { row, column } = this.mark(this.scope.cell);
    return `${row},${column}`;
  }

  #painted(small, style, palette) {
    const key = `${style.signed}${Object.values(palette)}`;
    if (this.tableKey !== key) {
      this.tableKey = key;
      this.colours = style.signed ? diverging(palette, this.symbol) : sequential(palette);
    }
    // While the reader drags, the pixels that stood there are painted over: nothing is blended from them.
    const over = this.scope.moving && this.target.length === small.values.length;
    const pixels = over ? this.target : new Uint32Array(small.values.length);
    paint(small.values, pixels, this.colours, { ...style, width: small.shape[1] });
    if (small.keep) for (let c = 0; c < pixels.length; c++) if (!small.keep[c]) pixels[c] = 0;
    return pixels;
  }

  // From the colours that stand there to the new ones, unless the reader drags or wants no motion.
  #aim(pixels, now) {
    const { scope } = this;
    const calm = scope.moving || scope.still.matches || pixels.length > 65536 || pixels.length !== this.shown?.length;
    this.origin = calm ? null : this.shown;
    this.target = pixels;
    this.began = now;
  }

  #morphed(now) {
    const share = this.origin ? Math.min((now - this.began) / MORPH, 1) : 1;
    if (share >= 1) this.origin = null;
    else this.scope.refresh();
    this.shown = this.origin ? blend(this.origin, this.target, share * share * (3 - 2 * share)) : this.target;
    return this.shown;
  }

  /** @type {(pixels: Uint32Array<ArrayBuffer>, shape: number[], width: number, height: number, palette: any) => void} */
  #blit(pixels, [rows, columns], width, height, palette) {
    if (this.bitmap.width !== columns || this.bitmap.height !== rows) {
      Object.assign(this.bitmap, { width: columns, height: rows });
    }
    const image = new ImageData(new Uint8ClampedArray(pixels.buffer), columns, rows);
    this.bitmap.getContext("2d").putImageData(image, 0, 0);
    if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    context.fillStyle = hatching(context, palette);
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = false;
    context.drawImage(this.bitmap, 0, 0, width, height);
    const [cellWidth, cellHeight] = [width / this.shape[1], height / this.shape[0]];
    if (Math.min(cellWidth, cellHeight) >= GRID) grid(context, this.shape, width, height, palette);
    this.#outline(context, cellWidth, cellHeight, width, height, palette);
  }

  #outline(context, cellWidth, cellHeight, width, height, palette) {
    const cell = this.scope.cell;
    const { row = null, column = null } = cell ? this.mark(cell) : {};
    context.strokeStyle = palette.ink;
    context.lineWidth = Math.max(1, Math.round(devicePixelRatio));
    const box = (x, y, w, h) =>
      context.strokeRect(Math.round(x) + 0.5, Math.round(y) + 0.5, Math.round(w) - 1, Math.round(h) - 1);
    context.globalAlpha = row !== null && column !== null ? 0.45 : 1;
    if (row !== null) box(0, row * cellHeight, width, Math.max(cellHeight, 3));
    if (column !== null) box(column * cellWidth, 0, Math.max(cellWidth, 3), height);
    context.globalAlpha = 1;
    if (row !== null && column !== null) {
      context.lineWidth *= 2;
      box(column * cellWidth, row * cellHeight, Math.max(cellWidth, 4), Math.max(cellHeight, 4));
    }
  }

  /**
   * The row and the column under the pointer.
   * @param {MouseEvent} event
   * @returns {[number, number]}
   */
  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const [rows, columns] = this.shape;
    const within = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
    return [
      within((event.clientY - box.top) / box.height, rows),
      within((event.clientX - box.left) / box.width, columns),
    ];
  }

  #key(event) {
    const { scope } = this;
    const [rows, columns] = this.shape;
    let { row, column } = this.mark(scope.cell);
    [row, column] = [row ?? 0, column ?? 0];
    const step = event.shiftKey ? 8 : 1;
    if (event.key === "Enter" || event.key === " ") scope.pin(this.at(row, column));
    else if (event.key === "ArrowUp") row -= step;
    else if (event.key === "ArrowDown") row += step;
    else if (event.key === "ArrowLeft") column -= step;
    else if (event.key === "ArrowRight") column += step;
    else if (event.key === "Home") column = 0;
    else if (event.key === "End") column = columns - 1;
    else if (event.key === "PageUp") row = 0;
    else if (event.key === "PageDown") row = rows - 1;
    else return;
    event.preventDefault();
    const clamp = (place, count) => Math.min(Math.max(place, 0), count - 1);
    if (event.key !== "Enter" && event.key !== " ") scope.point(this.at(clamp(row, rows), clamp(column, columns)));
  }
}

/**
 * A smaller matrix where cells would be smaller than a pixel: of each block the number farthest from zero.
 * @param {ArrayLike<number>} values
 * @param {Uint8Array | null | undefined} keep
 * @param {number[]} shape
 * @param {number[]} block
 * @returns {Small}
 */
export function pooled(values, keep, [rows, columns], [high, wide]) {
  if (high === 1 && wide === 1) return { values, keep, shape: [rows, columns] };
  const shape = [Math.ceil(rows / high), Math.ceil(columns / wide)];
  const small = new Float32Array(shape[0] * shape[1]);
  const kept = keep && new Uint8Array(small.length);
  for (let i = 0; i < rows; i++) {
    const [start, end] = [i * columns, i * columns + columns];
    for (let c = start, place = Math.floor(i / high) * shape[1]; c < end; place++) {
      const stop = Math.min(c + wide, end);
      let best = small[place];
      let most = best < 0 ? -best : best;
      for (; c < stop; c++) {
        if (keep) {
          if (!keep[c]) continue;
          kept[place] = 1;
        }
        const value = values[c];
        const size = value < 0 ? -value : value;
        if (size > most) [best, most] = [value, size];
      }
      small[place] = best;
    }
  }
  return { values: small, keep: kept, shape };
}

function blend(from, to, share) {
  const mixed = new Uint32Array(to.length);
  const [a, b, c] = [from, to, mixed].map((words) => new Uint8Array(words.buffer));
  for (let place = 0; place < c.length; place++) c[place] = a[place] + (b[place] - a[place]) * share;
  return mixed;
}

/** @type {(context: CanvasRenderingContext2D, shape: number[], width: number, height: number, palette: any) => void} */
function grid(context, [rows, columns], width, height, palette) {
  context.fillStyle = palette.panel;
  context.globalAlpha = 0.7;
  for (let column = 1; column < columns; column++)
    context.fillRect(Math.round((column * width) / columns), 0, 1, height);
  for (let row = 1; row < rows; row++) context.fillRect(0, Math.round((row * height) / rows), width, 1);
  context.globalAlpha = 1;
}

/** Diagonal lines for cells that may not be attended to: they are not zero, they are not there. */
export function hatching(context, palette) {
  const side = 6 * Math.ceil(devicePixelRatio);
  const tile = document.createElement("canvas");
  Object.assign(tile, { width: side, height: side });
  const brush = tile.getContext("2d");
  brush.fillStyle = palette.panel;
  brush.fillRect(0, 0, side, side);
  brush.strokeStyle = palette.quiet;
  brush.globalAlpha = 0.55;
  brush.lineWidth = Math.ceil(devicePixelRatio);
  brush.beginPath();
  for (const shift of [-side, 0, side]) {
    brush.moveTo(shift - 1, side + 1);
    brush.lineTo(shift + side + 1, -1);
  }
  brush.stroke();
  return context.createPattern(tile, "repeat");
}
