// @ts-check
// Whole words: the tokens of one word merged, so that a head can be read word by word.

/**
 * A head with the tokens of each word as one: {queries, keys, shape, weights, keep, segments, words, members, indices}.
 *
 * The weight to a word is the sum over its tokens; the weight from a word is the mean over its tokens, so that rows
 * still sum to what they summed to. A word is a run of tokens with one index in `head.words`; tokens of index -1
 * (special ones) stay alone. members.queries[w] is the run [start, end) of word w; indices.queries[t] the word of
 * token t.
 */
export function mergeWords(head) {
  const members = { queries: runs(head.words.queries), keys: runs(head.words.keys) };
  const indices = { queries: indicesOf(members.queries), keys: indicesOf(members.keys) };
  const shape = [members.queries.length, members.keys.length];
  const firsts = (values, side) => values[side].constructor.from(members[side], ([start]) => values[side][start]);
  const joined = (side) => members[side].map(([start, end]) => head[side].slice(start, end).join(""));
  const label = (side) => head.wordNames?.[side] ?? joined(side);
  return {
    queries: label("queries"),
    keys: label("keys"),
    shape,
    ...merged(head, members, indices.keys, shape),
    segments: { queries: firsts(head.segments, "queries"), keys: firsts(head.segments, "keys") },
    words: { queries: firsts(head.words, "queries"), keys: firsts(head.words, "keys") },
    members,
    indices,
  };
}

/** The words of a cell of tokens {query, key}; null stays null. */
export function wordOf({ indices }, cell) {
  return inBoth(cell, (place, side) => indices[side][place]);
}

/** The first tokens of a cell of words {query, key}; null stays null. */
export function tokenOf({ members }, cell) {
  return inBoth(cell, (place, side) => members[side][place][0]);
}

function inBoth(cell, of) {
  const at = (place, side) => (place === null ? null : of(place, side));
  return cell && { query: at(cell.query, "queries"), key: at(cell.key, "keys") };
}

function runs(words) {
  const found = [];
  words.forEach((word, place) => {
    if (word !== -1 && place > 0 && words[place - 1] === word) found.at(-1)[1] = place + 1;
    else found.push([place, place + 1]);
  });
  return found;
}

function indicesOf(members) {
  return Int32Array.from(members.flatMap(([start, end], word) => Array(end - start).fill(word)));
}

/** @type {(head: any, members: any, wordOfKey: Int32Array, shape: number[]) => { weights: Float32Array, keep: Uint8Array }} */
function merged(head, members, wordOfKey, [queries, keys]) {
  const width = head.shape[1];
  const weights = new Float32Array(queries * keys);
  const keep = new Uint8Array(queries * keys);
  const sums = new Float64Array(keys);
  members.queries.forEach(([start, end], query) => {
    const row = query * keys;
    sums.fill(0);
    for (let place = start * width, key = 0; place < end * width; place++, key = key + 1 < width ? key + 1 : 0) {
      sums[wordOfKey[key]] += head.weights[place];
      keep[row + wordOfKey[key]] |= head.keep[place];
    }
    for (let key = 0; key < keys; key++) weights[row + key] = sums[key] / (end - start);
  });
  return { weights, keep };
}
