// @ts-check
// A matrix as pictures: one with a pixel a cell, and smaller ones whose pixels are the strongest of 2 x 2, 4 x 4, ...

import { paint } from "../../shared/colour.js";

const IDENTITY = Uint8Array.from({ length: 256 }, (_, code) => code);

/**
 * How numbers become colours: around zero or from 0 up, by which curve, and what gets the deepest, or what in each row.
 * @typedef {{ signed: boolean, depth: string, most: number | Float64Array }} Colouring
 */

/**
 * One size of a picture: its codes, whether they follow the numbers, and whether its canvas follows them.
 * @typedef {object} Level
 * @property {Uint8Array} codes
 * @property {number} width
 * @property {number} height
 * @property {boolean} [fresh]
 * @property {boolean} [drawn]
 * @property {HTMLCanvasElement} [canvas]
 */

/** Depths as one byte a cell: 0 where there is no number, else the place from 1 to 255 in a table of colours. */
export function encode(values, codes, { signed, depth, most, width }, missing) {
  paint(values, codes, IDENTITY, { signed, depth, most, width });
  for (let c = 0; c < codes.length; c++) codes[c] = missing(c) ? 0 : codes[c] || 1;
}

/** Put codes on a canvas, from row `top` on, through a table of 256 colours whose first is transparent. */
export function show(context, codes, width, table, top = 0) {
  const pixels = new Uint32Array(codes.length);
  for (let c = 0; c < pixels.length; c++) pixels[c] = table[codes[c]];
  context.putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width), 0, top);
}

/** A canvas that no page shows. */
export function sheet(width, height) {
  const canvas = document.createElement("canvas");
  return Object.assign(canvas, { width, height });
}

/** One stage of a head, or the overview of a long one; a cell of the picture is `pool` x `pool` cells of the matrix. */
export class Layer {
  /** The whole picture, and each of half the side of the one before. @type {Level[]} */
  levels = [];
  /** The side of the square of cells that one cell of the whole picture stands for. */
  pool = 1;
  table = new Uint32Array(256);
  signed = false;

  /**
   * Take numbers in; `missing(cell)` where there is none.
   * @param {object} about
   * @param {Float32Array} about.values
   * @param {number[]} about.shape
   * @param {number} about.pool
   * @param {Colouring} about.colouring
   * @param {(cell: number) => boolean} about.missing
   * @param {Uint32Array<ArrayBuffer>} about.table
   */
  fill({ values, shape, pool, colouring, missing, table }) {
    const [rows, columns] = shape;
    if (this.levels[0]?.codes.length !== rows * columns || this.levels[0].width !== columns) {
      this.levels = [{ codes: new Uint8Array(rows * columns), width: columns, height: rows }];
    }
    this.pool = pool;
    this.table = table;
    this.signed = colouring.signed;
    encode(values, this.levels[0].codes, { ...colouring, width: columns }, missing);
    for (const level of this.levels) Object.assign(level, { fresh: level === this.levels[0], drawn: false });
  }

  /** The cells of the matrix that one drawn cell stands for, where a cell is `size` pixels of the device. */
  pooling(size) {
    return this.pool * 2 ** this.#level(size * this.pool);
  }

  /** Draw what the camera sees. No peak is lost: what is drawn is at least one pixel of the device large. */
  draw(context, camera) {
    const level = this.#ready(this.#level(camera.cell * this.pool * devicePixelRatio));
    const pool = this.pool * 2 ** this.levels.indexOf(level);
    const size = camera.cell * pool;
    const { i0, i1, j0, j1 } = camera.seen;
    const [x0, y0] = [Math.floor(j0 / pool), Math.floor(i0 / pool)];
    const [x1, y1] = [Math.ceil(j1 / pool), Math.ceil(i1 / pool)];
    context.imageSmoothingEnabled = false;
    const [left, top] = [camera.left + x0 * size, camera.top + y0 * size];
    context.drawImage(level.canvas, x0, y0, x1 - x0, y1 - y0, left, top, (x1 - x0) * size, (y1 - y0) * size);
  }

  /** A small picture of all of it, for a plan of the whole. */
  plan(side) {
    const [{ width, height }] = this.levels;
    return this.#ready(Math.max(0, Math.ceil(Math.log2(Math.max(width, height) / side)))).canvas;
  }

  #level(size) {
    return Math.max(0, Math.ceil(-Math.log2(size) - 1e-9));
  }

  #ready(wanted) {
    for (let place = 1; place <= wanted; place++) this.#pool(place);
    const level = this.levels[wanted];
    if (!level.drawn) {
      level.canvas ??= sheet(level.width, level.height);
      show(level.canvas.getContext("2d"), level.codes, level.width, this.table);
      level.drawn = true;
    }
    return level;
  }

  // Each cell of a level is the strongest of 2 x 2 below: the deepest colour, or the one farthest from zero.
  #pool(place) {
    const below = this.levels[place - 1];
    const [width, height] = [Math.ceil(below.width / 2), Math.ceil(below.height / 2)];
    this.levels[place] ??= { codes: new Uint8Array(width * height), width, height };
    const level = this.levels[place];
    if (level.fresh) return;
    const strength = this.signed ? FROM_ZERO : IDENTITY;
    for (let i = 0, c = 0; i < height; i++) {
      const first = 2 * i * below.width;
      const second = 2 * i + 1 < below.height ? first + below.width : first;
      for (let j = 0; j < width; j++, c++) {
        const [a, b] = [2 * j, Math.min(2 * j + 1, below.width - 1)];
        let best = below.codes[first + a];
        let code = below.codes[first + b];
        if (strength[code] > strength[best]) best = code;
        code = below.codes[second + a];
        if (strength[code] > strength[best]) best = code;
        code = below.codes[second + b];
        if (strength[code] > strength[best]) best = code;
        level.codes[c] = best;
      }
    }
    Object.assign(level, { fresh: true, drawn: false });
  }
}

const FROM_ZERO = Uint8Array.from({ length: 256 }, (_, code) => (code === 0 ? 0 : 1 + Math.abs(code - 127.5)));
