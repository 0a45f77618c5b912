// @ts-check
// Two heads over one list of tokens: the weights of both, and what the second gives more than the first.

/**
 * One of the two: its names are null where it has no such token, and `keep` is 0 there and where masked.
 * @typedef {object} Side
 * @property {(string | null)[]} queries
 * @property {(string | null)[]} keys
 * @property {{ queries: (string | null)[], keys: (string | null)[] }} [notes] which tokens these are
 * @property {Float32Array} weights
 * @property {Uint8Array} keep
 * @property {Int32Array} allowed keys that each query may attend to
 */

/**
 * What `canvas/compare.py` packs, with the difference.
 *
 * queries, keys: the names of the list's entries; sides: A and B; weights, keep: the difference, kept where both have
 * the tokens and one at least may attend; most, widest: the largest weight, and the largest difference.
 */
export class Pair {
  /** @param {any} about */
  constructor({ planes, shape, queries, keys, sides, titles }) {
    /** @type {[number, number]} */
    this.shape = shape;
    /** @type {string[]} */
    this.queries = queries;
    /** @type {string[]} */
    this.keys = keys;
    /** @type {[string, string]} */
    this.titles = titles;
    /** @type {Side[]} */
    this.sides = sides.map((names, place) => {
      const [weights, keep] = [planes[`weights_${place}`], planes[`keep_${place}`]];
      return { ...names, weights, keep, allowed: allowed(keep, shape) };
    });
    this.most = Math.max(...this.sides.map(({ weights }) => largest(weights))) || 1;
    const { weights, keep } = difference(this.sides, shape);
    this.weights = weights;
    this.keep = keep;
    this.widest = largest(this.weights) || 1;
  }

  /** Nothing is computed again: no control of this page changes the numbers here. */
  compute() {}

  /** The cell to start from: the largest difference, else the largest weight. */
  telling() {
    const values = this.weights.some((value) => value !== 0) ? this.weights : this.sides[0].weights;
    let best = 0;
    for (let c = 1; c < values.length; c++) if (Math.abs(values[c]) > Math.abs(values[best])) best = c;
    const columns = this.shape[1];
    return { query: Math.floor(best / columns), key: best % columns };
  }

  /** The two weights of a cell and their difference, NaN for what is not there; uniform: even attention in each. */
  at({ query, key }) {
    const cell = query * this.shape[1] + key;
    const each = this.sides.map(({ queries, keys, weights, keep, allowed: counts }) => ({
      there: queries[query] !== null && keys[key] !== null,
      masked: !keep[cell],
      weight: keep[cell] ? weights[cell] : NaN,
      uniform: keep[cell] ? 1 / counts[query] : NaN,
    }));
    return { each, difference: this.keep[cell] ? this.weights[cell] : NaN };
  }
}

/** @type {(keep: Uint8Array, shape: number[]) => Int32Array} */
function allowed(keep, [rows, columns]) {
  return Int32Array.from({ length: rows }, (_, row) =>
    keep.subarray(row * columns, row * columns + columns).reduce((sum, open) => sum + open, 0),
  );
}

/** @param {Float32Array} values */
function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** @type {(sides: Side[], shape: number[]) => { weights: Float32Array, keep: Uint8Array }} */
function difference([first, second], [rows, columns]) {
  const weights = new Float32Array(rows * columns);
  const keep = new Uint8Array(rows * columns);
  for (let i = 0, c = 0; i < rows; i++) {
    const row = first.queries[i] !== null && second.queries[i] !== null;
    for (let j = 0; j < columns; j++, c++) {
      if (!row || first.keys[j] === null || second.keys[j] === null) continue;
      keep[c] = first.keep[c] | second.keep[c];
      weights[c] = second.weights[c] - first.weights[c];
    }
  }
  return { weights, keep };
}
