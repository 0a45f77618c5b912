// @ts-check
// What stands where: heads sorted, ranked and filtered by a pattern, and what is said of one head. No drawing here.

import { number } from "../shared/dom.js";

/** How heads may be ordered, with the words for it. */
export const ORDERS = {
  model: "by layer and head",
  layer: "sorted within each layer",
  all: "all heads ranked",
};

/** A view that fits the payload: of a pattern that is not there, or of no known order, the first choice is shown. */
export function opening(about, view) {
  const names = about.patterns.map(({ name }) => name);
  const first = commonest(about.badges) ?? (names.includes("confidence") ? "confidence" : names[0]);
  const known = names.includes(view.pattern);
  return Object.freeze({
    pattern: known ? view.pattern : first,
    order: view.order in ORDERS ? view.order : "model",
    least: known && view.least > 0 ? view.least : 0,
  });
}

/** The pattern that most heads have a badge of; undefined where none has one. */
function commonest(badges) {
  const counts = new Map();
  for (const [, , name] of badges) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** The number of a head's pattern, NaN where it has none, and that of even attention. */
export function measured({ patterns, planes, here }, { layer, head }, name) {
  const place = patterns.findIndex((pattern) => pattern.name === name);
  const [, heads, count] = planes.table.shape;
  const row = here.indexOf(layer);
  if (row < 0) return { value: Number.NaN, baseline: Number.NaN };
  const at = (row * heads + head) * count + place;
  return { value: planes.table[at], baseline: planes.baselines[at] };
}

/** The right end of a pattern's bars: 1 for a share, the largest number of all heads for a distance. */
export function most({ patterns, planes }, name) {
  const place = patterns.findIndex((pattern) => pattern.name === name);
  if (patterns[place].share) return 1;
  const count = patterns.length;
  const each = (plane) => plane.reduce((top, value, at) => (at % count === place && value > top ? value : top), 0);
  return Math.ceil(Math.max(each(planes.table), each(planes.baselines))) || 1;
}

/** Rows of heads in the view's order, {layer, head, value, baseline, passes} each. */
export function arrange(about, view) {
  const [, heads] = about.planes.table.shape;
  const rows = about.layers.map((layer) =>
    Array.from({ length: heads }, (_, head) => {
      const found = measured(about, { layer, head }, view.pattern);
      return { layer, head, ...found, passes: view.least === 0 || found.value >= view.least };
    }),
  );
  // What has no number goes last; a sort leaves equals where they are.
  const down = (a, b) => (b.value || -1) - (a.value || -1);
  if (view.order === "layer") for (const row of rows) row.sort(down);
  if (view.order !== "all") return rows;
  const ranked = rows.flat().sort(down);
  return rows.map((_, row) => ranked.slice(row * heads, (row + 1) * heads));
}

/** Where a key leads from a head, in the order on screen; null for a key that leads nowhere. */
export function step(rows, at, key) {
  const row = rows.findIndex((each) => each.some(({ layer, head }) => layer === at.layer && head === at.head));
  const column = rows[row].findIndex(({ layer, head }) => layer === at.layer && head === at.head);
  const to = {
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    Home: [row, 0],
    End: [row, rows[row].length - 1],
    PageUp: [0, column],
    PageDown: [rows.length - 1, column],
  }[key];
  if (!to) return null;
  const { layer, head } = rows[to[0]]?.[to[1]] ?? at;
  return { layer, head };
}

const byHead = new WeakMap();

/** The badges of a head, the largest first. */
export function badgesOf({ badges }, { layer, head }) {
  if (!byHead.has(badges)) {
    const found = new Map();
    for (const [row, column, name, value] of badges) {
      const key = `${row}.${column}`;
      found.set(key, [...(found.get(key) ?? []), { name, value }]);
    }
    byHead.set(badges, found);
  }
  return byHead.get(badges).get(`${layer}.${head}`) ?? [];
}

/** The head that a reader names as "17.5"; a sentence where there is none such. */
export function named({ layers, planes }, written) {
  const [, heads] = planes.table.shape;
  const found = written.match(/^\s*(\d{1,6})\s*[.,:\s]\s*(\d{1,6})\s*$/);
  const [layer, head] = found ? [Number(found[1]), Number(found[2])] : [-1, -1];
  if (layers.includes(layer) && head < heads && head >= 0) return { layer, head };
  const [first, last] = [layers[0], layers.at(-1)];
  return `A head is written as layer.head: layers ${first} to ${last}, heads 0 to ${heads - 1}, such as ${last}.0.`;
}

/** A share without its leading zero, as in "previous .95". */
export function short(value) {
  return value.toFixed(2).replace(/^0/, "");
}

/** A head in words, for those who listen. */
export function sentence(about, at) {
  const numbers = about.patterns
    .map(({ name }) => ({ name, ...measured(about, at, name) }))
    .filter(({ value }) => !Number.isNaN(value))
    .map(({ name, value, baseline }) => `${name} ${number(value, 2)}, uniform ${number(baseline, 2)}`);
  return `Layer ${at.layer}, head ${at.head}: ${numbers.join("; ")}.`;
}
