// @ts-check
// The numbers of a head as tables: what the pictures show, for those who read or hear it instead.

import { strongest } from "../shared/attend.js";
import { toggle } from "../shared/controls.js";
import { fraction, h } from "../shared/dom.js";
import { mention, sortable } from "../shared/sortable.js";
import { partsOf } from "./cell.js";

const MOST = 512;
const PART = "part of the score";

/** One token's row of the head, key by key, and one of its keys, dimension by dimension. */
export function table(scope) {
  const query = menu("Attends from", (place) => scope.pin({ query: place, key: strongest(scope.head, place) }));
  const key = menu("Attends to", (place) => scope.pin({ query: shown().query, key: place }));
  const keys = sortable(KEYS, { name: "keys", choose });
  const dimensions = sortable(DIMENSIONS, { name: "dimensions", sum: PART });
  const each = toggle("each patch of the picture", (on) => {
    unfolded = on;
    scope.refresh();
  });
  const menus = h("div", { class: "table-menus" }, query.element, key.element, each.element);
  let unfolded = false;
  const element = h("section", { class: "table", "aria-label": "Table" }, menus, keys.element, dimensions.element);

  // Of a picture the patch that gets most.
  function choose(place) {
    const { query: asking } = shown();
    const fold = folds().find(({ start }) => start === place);
    scope.pin({ query: asking, key: fold ? strongest(scope.head, asking, fold.start, fold.end) : place });
  }

  // Among words a picture is one row, until each of its patches is asked for.
  function folds() {
    return scope.head.image?.words && !unfolded ? scope.head.folds.keys : [];
  }

  function shown() {
    const { query: place = 0, key: other } = scope.cell ?? {};
    return { query: place ?? 0, key: other ?? strongest(scope.head, place ?? 0) };
  }

  function draw() {
    const { head } = scope;
    const cell = shown();
    query.draw(head.queries, cell.query);
    key.draw(head.keys, cell.key);
    const from = `From ${mention(head.queries[cell.query])} (position ${cell.query})`;
    const to = `to ${mention(head.keys[cell.key])} (position ${cell.key})`;
    each.element.hidden = !head.image?.words;
    each.draw(unfolded);
    const folded = folds();
    const rows = keyRows(head, cell.query, folded);
    const some = (count) => count.toLocaleString("en");
    const all = head.shape[1] - folded.reduce((sum, { start, end }) => sum + end - start - 1, 0);
    const left = rows.length < all ? ` The ${some(rows.length)} largest weights of ${some(all)} keys.` : "";
    const summed = folded.length ? " Of the picture the sum over its patches." : "";
    const chosen = folded.find(({ start, end }) => start <= cell.key && cell.key < end)?.start ?? cell.key;
    keys.draw(`${from} to each token.${left}${summed}`, rows, chosen);
    dimensions.draw(`${from} ${to}, by dimension.`, dimensionRows(head, cell, partsOf(head, scope.view, cell)));
  }
  return { element, draw };
}

const KEYS = [
  { name: "position", of: (row) => row.place, digits: 0 },
  { name: "token", of: (row) => row.token, heads: true, title: (row) => row.note ?? "", symbol: "key" },
  { name: "raw score", of: (row) => row.score ?? null, symbol: "weights" },
  { name: "scaled", of: (row) => row.scaled ?? null, symbol: "weights" },
  { name: "logit", of: (row) => (row.logit === -Infinity ? "masked" : (row.logit ?? null)), symbol: "weights" },
  { name: "weight", of: (row) => row.weight, as: fraction, symbol: "weights" },
  { name: "uniform weight", of: (row) => row.uniform, as: fraction },
  { name: "in the vocabulary", of: (row) => row.note, symbol: "key" },
];
const DIMENSIONS = [
  { name: "dimension", of: (row) => row.place, digits: 0, heads: true },
  { name: "query", of: (row) => row.query, symbol: "query" },
  { name: "key", of: (row) => row.key, symbol: "key" },
  { name: PART, of: (row) => row[PART], symbol: "weights" },
  { name: "value of the key", of: (row) => row.value, symbol: "value" },
  { name: "context of the query", of: (row) => row.context, symbol: "value" },
];

/** A row a key; past 512 keys, those of the largest weights. */
function keyRows({ keys, notes, keep, scores, scaled, logits, weights, shape: [, m] }, query, folds) {
  const start = query * m;
  const allowed = keep.subarray(start, start + m).reduce((sum, open) => sum + open, 0);
  const foldOf = (place) => folds.find((fold) => fold.start <= place && place < fold.end);
  let places = [...keys.keys()].filter((place) => (foldOf(place)?.start ?? place) === place);
  if (places.length > MOST) {
    places.sort((a, b) => weights[start + b] - weights[start + a]);
    places = places.slice(0, MOST).sort((a, b) => a - b);
  }
  return places.map((place) => {
    const cell = start + place;
    const fold = foldOf(place);
    if (fold) {
      const sum = (values) => values.subarray(start + fold.start, start + fold.end).reduce((a, b) => a + b, 0);
      return { place, token: fold.name, note: null, weight: sum(weights), uniform: sum(keep) / allowed };
    }
    return {
      place,
      token: keys[place],
      note: notes?.keys[place] ?? null,
      score: scores[cell],
      scaled: scaled[cell],
      logit: logits[cell],
      weight: weights[cell],
      uniform: keep[cell] ? 1 / allowed : 0,
    };
  });
}

/** A row a dimension; null where the values have fewer dimensions than the keys, or the keys than the values. */
function dimensionRows({ query, key, value, context, d, dv }, cell, parts) {
  return Array.from({ length: Math.max(d, dv) }, (_, place) => {
    const [q, k] = place < d ? [query[cell.query * d + place], key[cell.key * d + place]] : [null, null];
    const [v, c] = place < dv ? [value[cell.key * dv + place], context[cell.query * dv + place]] : [null, null];
    const part = q === null ? null : (parts?.values[place] ?? null);
    return { place, query: q, key: k, [PART]: part, value: v, context: c };
  });
}

// A labelled list of tokens to choose from.
function menu(label, choose) {
  const select = h("select", { onchange: () => choose(Number(select.value)) });
  const element = h("label", {}, label, select);
  let made = null;
  function draw(labels, place) {
    if (labels.length !== made?.length || labels.some((text, index) => text !== made[index])) {
      made = labels;
      const option = (text, index) => h("option", { value: index }, `${index} ${mention(text)}`);
      select.replaceChildren(...labels.map(option));
    }
    if (select.value !== String(place)) select.value = place;
  }
  return { element, draw };
}
