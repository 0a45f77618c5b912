// @ts-check
// One head of a long text: an overview that is there at once, and exact weights of any tile when they are asked for.

// Keys whose products are summed side by side: the processor works on all of them at once.
const LANES = 4;

/** @typedef {import("../shared/payload.js").Floats} Floats */
/** @typedef {import("../shared/payload.js").Bytes} Bytes */

/**
 * A head built from what `canvas/one_head/long.py` packs.
 *
 * overview: the largest weight in each square of pool x pool cells, and 0 in its `keep` where nothing there may be
 * attended to.
 */
export class LongHead {
  /** @param {any} about */
  constructor(about) {
    const { head, planes } = about;
    /** @type {[number, number]} */
    this.shape = about.shape;
    /** @type {string[]} */
    this.queries = about.queries;
    /** @type {string[]} */
    this.keys = about.keys ?? about.queries;
    // What a reader may change, as in `Head`.
    /** @type {string} */
    this.similarity = head.similarity;
    /** @type {boolean} */
    this.comparable = head.comparable;
    /** @type {string | null} */
    this.fixed = head.fixed;
    /** @type {number} */
    this.scale = about.scale;
    /** @type {number | null} */
    this.softcap = about.softcap;
    /** @type {number} */
    this.temperature = about.temperature;
    this.own = { temperature: 1 };
    /** @type {boolean} */
    this.raw = head.raw;
    /** @type {Floats} */
    this.query = planes.query;
    /** @type {Floats} */
    this.key = planes.key;
    /** @type {number} */
    this.d = planes.query.shape[1];
    // Of each row: the largest logit, and the sum of the exponentials.
    /** @type {Floats} */
    this.largest = planes.largest;
    /** @type {Floats} */
    this.total = planes.total;
    // The mask: a band of keys that are text, or its bits.
    /** @type {{ behind: number, ahead: number } | null} */
    this.band = about.band;
    /** @type {Bytes | undefined} */
    this.real = planes.real;
    /** @type {Bytes | undefined} */
    this.bits = planes.keep;
    // What is added to the logits: for every pair, or for every distance of a key from its query.
    /** @type {Floats | undefined} */
    this.bias = planes.bias;
    /** @type {Floats | undefined} */
    this.byDistance = planes.distance_bias;
    this.overview = overviewOf(planes, about.pool);
  }

  /** Nothing is left to compute here: Python made the overview under the view. */
  compute() {}

  /** There is one picture of a long text. */
  shown() {
    return "map";
  }

  /** The cell to start from. */
  telling() {
    return { query: 0, key: 0 };
  }

  /** May query i attend to key j? */
  allows(i, j) {
    if (this.bits) return (this.bits[i * this.bits.shape[1] + (j >> 3)] >> (j & 7)) & 1;
    const { behind, ahead } = this.band;
    return j >= i - behind && j <= i + ahead && (!this.real || this.real[j]) ? 1 : 0;
  }

  /** The exact weights of queries i0 up to i1 and keys j0 up to j1, row by row; NaN where a query may not attend. */
  tile(i0, i1, j0, j1) {
    const width = j1 - j0;
    const weights = new Float32Array((i1 - i0) * width);
    const row = new Float64Array(width);
    for (let i = i0; i < i1; i++) {
      this.#logits(i, j0, j1, row);
      const [largest, total] = [this.largest[i], this.total[i]];
      for (let j = j0, at = (i - i0) * width; j < j1; j++, at++) {
        weights[at] = total > 0 && this.allows(i, j) ? Math.exp(row[j - j0] - largest) / total : NaN;
      }
    }
    return weights;
  }

  /** The largest weight of a row. */
  peak(i) {
    return this.total[i] > 0 ? 1 / this.total[i] : 0;
  }

  // logit = (cap(scale q . k) + bias) / temperature
  #logits(i, j0, j1, row) {
    products(this.query, this.key, this.d, i, j0, j1, row);
    const { scale, softcap, temperature, bias, byDistance } = this;
    const [n, m] = this.shape;
    for (let j = j0; j < j1; j++) {
      let logit = row[j - j0] * scale;
      if (softcap) logit = softcap * Math.tanh(logit / softcap);
      if (byDistance) logit += byDistance[j - i + n - 1];
      else if (bias) logit += bias[i * m + j];
      row[j - j0] = logit / temperature;
    }
  }
}

/** @type {(query: Floats, key: Floats, d: number, i: number, j0: number, j1: number, row: Float64Array) => void} */
function products(query, key, d, i, j0, j1, row) {
  const start = i * d;
  let j = j0;
  for (; j + LANES <= j1; j += LANES) {
    let [a, b, c, e] = [0, 0, 0, 0];
    for (let x = start, y = j * d, end = start + d; x < end; x++, y++) {
      const number = query[x];
      a += number * key[y];
      b += number * key[y + d];
      c += number * key[y + 2 * d];
      e += number * key[y + 3 * d];
    }
    row[j - j0] = a;
    row[j - j0 + 1] = b;
    row[j - j0 + 2] = c;
    row[j - j0 + 3] = e;
  }
  for (; j < j1; j++) {
    let sum = 0;
    for (let x = start, y = j * d, end = start + d; x < end; x++, y++) sum += query[x] * key[y];
    row[j - j0] = sum;
  }
}

// A byte is 0 where nothing may be attended to, else 1 + 254 sqrt(weight / largest of its row).
function overviewOf({ overview: codes, overview_largest: tops }, pool) {
  const [rows, columns] = codes.shape;
  const values = new Float32Array(codes.length);
  const shares = Float64Array.from({ length: 256 }, (_, code) => (Math.max(code - 1, 0) / 254) ** 2);
  for (let row = 0, c = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, c++) values[c] = tops[row] * shares[codes[c]];
  }
  return { values, keep: codes, shape: [rows, columns], pool };
}
