// @ts-check
// How alike queries and keys are: the raw scores of every pair, where a reader asks for others than the model's own.

/** @typedef {Pick<import("./attend.js").Head, "query" | "key" | "shape" | "d">} Vectors */

// In double precision, and rounded once: as the edit `Similarity` does in Python.
/** @type {Record<string, (head: Vectors) => Float32Array>} */
export const similarity = {
  dot: (head) => everyPair(head, (product) => product),
  cosine: (head) => everyPair(head, (product, qq, kk) => (qq && kk ? product / Math.sqrt(qq * kk) : 0)),
  rbf: (head) => everyPair(head, (product, qq, kk) => -Math.max(qq + kk - 2 * product, 0) / 2),
};

/**
 * @param {Vectors} head
 * @param {(product: number, qq: number, kk: number) => number} alike
 */
function everyPair({ query, key, shape: [n, m], d }, alike) {
  const scores = new Float32Array(n * m);
  const squares = (plane, count) =>
    Float64Array.from({ length: count }, (_, row) =>
      plane.subarray(row * d, row * d + d).reduce((s, x) => s + x * x, 0),
    );
  const [qq, kk] = [squares(query, n), squares(key, m)];
  for (let i = 0, c = 0; i < n; i++) {
    for (let j = 0; j < m; j++, c++) {
      let product = 0;
      for (let a = i * d, b = j * d, end = a + d; a < end; a++, b++) product += query[a] * key[b];
      scores[c] = alike(product, qq[i], kk[j]);
    }
  }
  return scores;
}
