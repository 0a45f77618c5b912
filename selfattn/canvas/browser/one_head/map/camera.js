// @ts-check
// Where the map looks: how large a cell is, and which cell lies in the corner. Lengths are CSS pixels.

const LARGEST_CELL = 64;

/** The part of an [n, m] matrix that a plot of width x height shows. */
export class Camera {
  /** The sides of the matrix, and of the plot. @type {number[]} */
  shape = [1, 1];
  width = 1;
  height = 1;
  /** The side of a cell, and the column and the row at the corner of the plot. */
  cell = 1;
  x = 0;
  y = 0;
  /** Whether all of the matrix is seen. */
  whole = true;

  /**
   * Look at another matrix, or through a plot of another size: what was whole stays whole.
   * @param {number[]} shape
   * @param {number} width
   * @param {number} height
   */
  resize(shape, width, height) {
    const same = shape[0] === this.shape[0] && shape[1] === this.shape[1];
    this.shape = shape;
    this.width = width;
    this.height = height;
    if (this.whole || !same) this.fit();
    else this.#hold();
  }

  /** Show all of the matrix. */
  fit() {
    this.cell = this.smallest;
    this.#hold();
  }

  /** The size of a cell at which the whole matrix is shown: whole pixels of the device, where cells are that large. */
  get smallest() {
    const [n, m] = this.shape;
    const size = Math.min(this.width / m, this.height / n, LARGEST_CELL);
    const pixels = size * devicePixelRatio;
    return pixels >= 3 ? Math.floor(pixels) / devicePixelRatio : size;
  }

  /** Enlarge by `factor`; what lies under the point (x, y) of the plot stays there. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const [column, row] = [(x - this.left) / this.cell, (y - this.top) / this.cell];
    this.cell = Math.min(Math.max(this.cell * factor, this.smallest), LARGEST_CELL);
    this.x = column - x / this.cell;
    this.y = row - y / this.cell;
    this.#hold();
  }

  /** Move the matrix by so many pixels. */
  pan(x, y) {
    this.x -= x / this.cell;
    this.y -= y / this.cell;
    this.#hold();
  }

  /** Move no further than needed to show cell (row, column). */
  reveal(row, column) {
    const [high, wide] = [this.height / this.cell, this.width / this.cell];
    this.x = Math.min(Math.max(this.x, column + 1 - wide), column);
    this.y = Math.min(Math.max(this.y, row + 1 - high), row);
    this.#hold();
  }

  // The matrix never leaves the plot; one that is narrower stands in its middle, one that is lower at its top.
  #hold() {
    const [n, m] = this.shape;
    const [high, wide] = [this.height / this.cell, this.width / this.cell];
    this.whole = this.cell <= this.smallest * (1 + 1e-9);
    this.x = wide >= m ? (m - wide) / 2 : Math.min(Math.max(this.x, 0), m - wide);
    this.y = high >= n ? 0 : Math.min(Math.max(this.y, 0), n - high);
  }

  /** Where the matrix begins in the plot, on a whole pixel of the device. */
  get left() {
    return sharp(-this.x * this.cell);
  }

  get top() {
    return sharp(-this.y * this.cell);
  }

  /** The cells that are seen, some perhaps in part: rows i0 up to i1, columns j0 up to j1. */
  get seen() {
    const [n, m] = this.shape;
    const first = (offset, count) => Math.min(Math.max(Math.floor(-offset / this.cell), 0), count - 1);
    const last = (offset, count, size) => Math.min(Math.max(Math.ceil((size - offset) / this.cell), 1), count);
    return {
      i0: first(this.top, n),
      i1: last(this.top, n, this.height),
      j0: first(this.left, m),
      j1: last(this.left, m, this.width),
    };
  }

  /** The cell under a point of the plot, or null beside the matrix. */
  at(x, y) {
    const [row, column] = [Math.floor((y - this.top) / this.cell), Math.floor((x - this.left) / this.cell)];
    const inside = x >= 0 && y >= 0 && x < this.width && y < this.height;
    const [n, m] = this.shape;
    return inside && row >= 0 && column >= 0 && row < n && column < m ? { query: row, key: column } : null;
  }
}

/** The nearest whole pixel of the device. */
export function sharp(length) {
  return Math.round(length * devicePixelRatio) / devicePixelRatio;
}
