// Two heads over one list of tokens: the weights of both, and what the second gives more than the first.

/**
 * What `compare_payload.py` packs, with the difference.
 *
 * queries, keys: the names of the list's entries; sides: {queries, keys, weights, keep, allowed} of A and of B, whose
 * names are null where it has no such token, and whose keep is 0 there and where masked; allowed: keys that each query
 * may attend to; weights, keep: the difference, kept where both have the tokens and one at least may attend.
 */
export class Pair {
  constructor({ planes, shape, queries, keys, sides, titles }) {
    Object.assign(this, { shape, queries, keys, titles });
    this.sides = sides.map((names, place) => {
      const [weights, keep] = [planes[`weights_${place}`], planes[`keep_${place}`]];
      return { ...names, weights, keep, allowed: allowed(keep, shape) };
    });
    this.most = Math.max(...this.sides.map(({ weights }) => largest(weights))) || 1;
    Object.assign(this, difference(this.sides, shape));
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

function allowed(keep, [rows, columns]) {
  return Int32Array.from({ length: rows }, (_, row) =>
    keep.subarray(row * columns, row * columns + columns).reduce((sum, open) => sum + open, 0),
  );
}

function largest(values) {
  return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

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
