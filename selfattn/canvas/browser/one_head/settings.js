// @ts-check
// What a reader has set on a head, in words.

const MASKS = { own: "the model’s own", causal: "causal", padding: "padding" };

/** One part of a caption for each thing that is not as in the model. */
export function settings(head, view) {
  const { similarity, scaled, mask, width, pairs } = view;
  const said = [];
  if (similarity !== "own") said.push(`similarity ${similarity}`);
  if (!scaled && !head.raw) said.push("not divided by √d");
  if (view.temperature !== null) said.push(`temperature ${view.temperature}`);
  const masks = mask.map((name) => MASKS[name] ?? `${name} of ${width}`);
  if (mask.join() !== "own") said.push(`mask ${masks.join(" and ") || "none"}`);
  if (pairs.length) said.push(`${pairs.length} hidden ${pairs.length === 1 ? "pair" : "pairs"}`);
  return said;
}
