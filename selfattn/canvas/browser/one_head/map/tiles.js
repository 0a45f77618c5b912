// @ts-check
// Exact weights of a long text, tile by tile: computed in small pieces between frames, nearest to the middle first.

import { encode, sheet, show } from "./layer.js";

const SIDE = 256;
// Rows of a tile that are computed without looking at the clock.
const STRIP = 8;
// Milliseconds of a frame that may go into tiles: the rest is for drawing.
const BUDGET = 6;
const MOST = 96;

/**
 * How numbers become pixels: a new object where it is new.
 * @typedef {{ colouring: import("./layer.js").Colouring, table: Uint32Array<ArrayBuffer> }} Look
 */

/**
 * A part of the matrix: its first row and column, and how many rows of it are there.
 * @typedef {object} Tile
 * @property {number} i0
 * @property {number} j0
 * @property {number} rows
 * @property {number} columns
 * @property {number} done
 * @property {Float32Array} values
 * @property {HTMLCanvasElement} canvas
 * @property {Look} [look]
 */

/** The tiles of one long head. */
export class Tiles {
  /** In the order of their last use. @type {Map<string, Tile>} */
  kept = new Map();

  /** @param {import("../long_head.js").LongHead} head */
  constructor(head) {
    this.head = head;
  }

  /**
   * Work on what the camera sees; true when all of it is there.
   * @param {import("./camera.js").Camera} camera
   * @param {Look} look
   */
  work(camera, look) {
    const wanted = this.#wanted(camera);
    const end = performance.now() + BUDGET;
    for (const tile of wanted) {
      if (tile.look !== look) this.#recolour(tile, look);
      while (tile.done < tile.rows) {
        if (performance.now() > end) return false;
        this.#strip(tile, look);
      }
      if (performance.now() > end && tile !== wanted.at(-1)) return false;
    }
    return true;
  }

  /** Draw the rows that are there. */
  draw(context, camera) {
    context.imageSmoothingEnabled = false;
    for (const { canvas, i0, j0, columns, done } of this.#wanted(camera)) {
      if (!done) continue;
      const [x, y] = [camera.left + j0 * camera.cell, camera.top + i0 * camera.cell];
      context.drawImage(canvas, 0, 0, columns, done, x, y, columns * camera.cell, done * camera.cell);
    }
  }

  /** @param {import("./camera.js").Camera} camera */
  #wanted(camera) {
    const { i0, i1, j0, j1 } = camera.seen;
    const places = [];
    for (let i = Math.floor(i0 / SIDE) * SIDE; i < i1; i += SIDE) {
      for (let j = Math.floor(j0 / SIDE) * SIDE; j < j1; j += SIDE) places.push([i, j]);
    }
    const [row, column] = [(i0 + i1 - SIDE) / 2, (j0 + j1 - SIDE) / 2];
    const far = (/** @type {number[]} */ [i, j]) => Math.hypot(i - row, j - column);
    const wanted = places.sort((a, b) => far(a) - far(b)).map(([i, j]) => this.#tile(i, j));
    const most = Math.max(MOST, wanted.length);
    for (const key of this.kept.keys()) {
      if (this.kept.size <= most) break;
      this.kept.delete(key);
    }
    return wanted;
  }

  #tile(i0, j0) {
    const key = `${i0},${j0}`;
    const [n, m] = this.head.shape;
    const [rows, columns] = [Math.min(SIDE, n - i0), Math.min(SIDE, m - j0)];
    /** @type {Tile} */
    const tile = this.kept.get(key) ?? {
      ...{ i0, j0, rows, columns, done: 0 },
      values: new Float32Array(rows * columns),
      canvas: sheet(columns, rows),
    };
    this.kept.delete(key);
    this.kept.set(key, tile);
    return tile;
  }

  #strip(tile, look) {
    const { i0, j0, columns, done } = tile;
    const rows = Math.min(STRIP, tile.rows - done);
    tile.values.set(this.head.tile(i0 + done, i0 + done + rows, j0, j0 + columns), done * columns);
    tile.done += rows;
    this.#paint(tile, look, done, tile.done);
  }

  #recolour(tile, look) {
    if (tile.done) this.#paint(tile, look, 0, tile.done);
    tile.look = look;
  }

  #paint({ canvas, values, i0, columns }, { colouring, table }, start, end) {
    const part = values.subarray(start * columns, end * columns);
    const codes = new Uint8Array(part.length);
    const { most } = colouring;
    const own = typeof most === "number" ? most : most.subarray(i0 + start, i0 + end);
    encode(part, codes, { ...colouring, most: own, width: columns }, (c) => Number.isNaN(part[c]));
    show(canvas.getContext("2d"), codes, columns, table, start);
  }
}
