// @ts-check
// Whole words: the tokens of one word merged, so that a head can be read word by word; and a picture among them as one.

/**
 * A head with the tokens of each word as one: {queries, keys, shape, weights, keep, segments, words, members, indices}.
 *
 * The weight to a word is the sum over its tokens; the weight from a word is the mean over its tokens, so that rows
 * still sum to what they summed to. A word is a run of tokens with one index in `head.words`; tokens of index -1
 * (special ones) stay alone, and the patches of a picture are as one word. members.queries[w] is the run [start, end)
 * of word w; indices.queries[t] the word of token t. Not `whole`: only pictures are merged.
 */
export function mergeWords(head, whole = true) {
  const sides = { queries: sideOf(head, "queries", whole), keys: sideOf(head, "keys", whole) };
  const members = { queries: sides.queries.runs, keys: sides.keys.runs };
  const indices = { queries: indicesOf(members.queries), keys: indicesOf(members.keys) };
  const shape = [members.queries.length, members.keys.length];
  const firsts = (values, side) => values[side].constructor.from(members[side], ([start]) => values[side][start]);
  // A token alone is still one of the vocabulary.
  const notes = (side) =>
    members[side].map(([start, end]) => (end - start > 1 ? "" : (head.notes?.[side][start] ?? "")));
  return {
    queries: sides.queries.names,
    keys: sides.keys.names,
    notes: { queries: notes("queries"), keys: notes("keys") },
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

// The runs of a side that are one each, and what they are called.
function sideOf(head, side, whole) {
  const { length } = head[side];
  const found = whole ? runs(head.words[side]) : Array.from({ length }, (_, place) => [place, place + 1]);
  const named = whole && head.wordNames?.[side];
  const names = named || found.map(([start, end]) => head[side].slice(start, end).join(""));
  const folds = head.folds?.[side] ?? [];
  const foldOf = ([start]) => folds.find((fold) => fold.start <= start && start < fold.end);
  const kept = [...found.keys()].filter((run) => (foldOf(found[run])?.start ?? found[run][0]) === found[run][0]);
  return {
    runs: kept.map((run) => [found[run][0], foldOf(found[run])?.end ?? found[run][1]]),
    names: kept.map((run) => foldOf(found[run])?.name ?? names[run]),
  };
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
