// @ts-check
// Which token can have heard from which after n layers, and what attention under a mask costs: as `analysis/reach.py`.

export const NEVER = 255;

/** The first layer after which row i can have heard from column j: 0 for itself, NEVER for never. */
export function firstLayers(keep, count) {
  const words = Math.ceil(count / 32);
  const first = new Uint8Array(count * count).fill(NEVER);
  let heard = new Uint32Array(count * words);
  for (let i = 0; i < count; i++) {
    heard[i * words + (i >> 5)] |= 1 << (i & 31);
    first[i * count + i] = 0;
  }
  const near = Array.from({ length: count }, (_, i) => {
    const row = keep.subarray(i * count, i * count + count);
    return Array.from(row.keys()).filter((j) => row[j]);
  });
  // Of as many layers as a byte can count: past them a long text is not reached from end to end.
  for (let layer = 1, changed = true; changed && layer < Math.min(count, NEVER); layer++) {
    changed = false;
    const next = heard.slice();
    for (let i = 0; i < count; i++) {
      for (const j of near[i]) for (let w = 0; w < words; w++) next[i * words + w] |= heard[j * words + w];
      for (let w = 0; w < words; w++) {
        let news = next[i * words + w] & ~heard[i * words + w];
        changed ||= news !== 0;
        for (; news; news &= news - 1) first[i * count + w * 32 + 31 - Math.clz32(news & -news)] = layer;
      }
    }
    heard = next;
  }
  return first;
}

/** How many tokens row i can have heard from after so many layers, itself among them. */
export function heardAfter(first, count, row, layers) {
  return first.subarray(row * count, row * count + count).reduce((sum, layer) => sum + (layer <= layers), 0);
}

/** The layer after which nothing more is heard. */
export function deepest(first) {
  return first.reduce((most, layer) => (layer !== NEVER && layer > most ? layer : most), 0);
}

/** Pairs that a mask allows, and multiply-adds of q . k and of weights times values: of one head, and of all. */
export function cost(keep, { d, dv, heads, layers }) {
  const pairs = keep.reduce((sum, each) => sum + each, 0);
  const head = pairs * (d + dv);
  return { pairs, head, model: head * heads * layers };
}
