// One head of a long text: an overview that is there at once, and exact weights of any tile when they are asked for.

// Keys whose products are summed side by side: the processor works on all of them at once.
const LANES = 4;

/**
 * A head built from what `long_payload.py` packs.
 *
 * queries, keys: the tokens' texts; shape: [n, m]; overview: {values, keep, shape, pool}, the largest weight in each
 * square of pool x pool cells, and 0 in `keep` where nothing there may be attended to.
 */
export class LongHead {
  constructor(about) {
    const { planes, shape, pool } = about;
    Object.assign(this, { ...about.head, shape, kind: about.kind, queries: about.queries, keys: about.keys ?? about.queries });
    Object.assign(this, { scale: about.scale, softcap: about.softcap, temperature: about.temperature });
    Object.assign(this, { query: planes.query, key: planes.key, d: planes.query.shape[1] });
    Object.assign(this, { largest: planes.largest, total: planes.total, band: about.band });
    Object.assign(this, { real: planes.real, bits: planes.keep, bias: planes.bias, byDistance: planes.distance_bias });
    this.overview = overviewOf(planes, pool);
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
