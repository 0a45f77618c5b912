// @ts-check
// What stands there, in words: the spoken sentence, and a number as it is read.

import { number } from "../shared/dom.js";

const DOES = {
  induction: (share) => `gives ${share} to the token after the earlier occurrence`,
  previous: (share) => `gives ${share} to the token just before`,
  entropy: (share) => `spreads its weight at ${share} of the largest entropy`,
};
/** What each pattern is measured on. */
export const ON = {
  induction: "random tokens that come again",
  previous: "these sentences",
  entropy: "these sentences",
};

/** "head 1.2": counted from 0, as everywhere. */
export function named({ layer, head }) {
  return `head ${layer}.${head}`;
}

export function capital(words) {
  return `${words[0].toUpperCase()}${words.slice(1)}`;
}

/** "step 700 of 4,000". */
export function stepOf({ steps, last }, at) {
  return `step ${some(steps[at])} of ${some(steps[last])}`;
}

export function some(count) {
  return count.toLocaleString("en");
}

/** The state in one sentence. */
export function sentence({ history, lead, at, layer, head }) {
  const start = `At ${stepOf(history, at)}, ${named({ layer, head })}`;
  const pattern = history.patterns[lead];
  if (!pattern) return `${start}.`;
  const share = number(history.value(lead, { layer, head }, at), 2);
  return `${start} ${DOES[pattern.name](share)}; even attention, ${number(pattern.uniform, 2)}.`;
}
