// @ts-check
// Three matrices over one list of tokens: A, B, and what B gives more than A. Pointing at one points at all.

import { canvas, h, once, write } from "../dom.js";
import { label } from "../extent.js";
import { Matrix } from "../matrix.js";
import { drawColumns, drawRows } from "../names.js";

const PLACE = { at: (query, key) => ({ query, key }), mark: ({ query, key }) => ({ row: query, column: key }) };
const LOOK = { range: "head", colour: "sqrt" };

/** The pictures. */
export function maps(scope) {
  const all = [named(scope, "A"), named(scope, "B"), named(scope, "B − A")];
  const element = h("div", { class: "maps" }, ...all.map((each) => each.element));

  function draw(now) {
    const { head: pair, opened } = scope;
    const weights = (side) => ({ ...side, extent: () => pair.most, probability: true });
    const shown = [...pair.sides.map(weights), { ...pair, extent: () => pair.widest }];
    const titles = [...pair.titles.map((title, place) => `${"AB"[place]}  ${title}`), "B − A"];
    all.forEach((each, place) => {
      const { weights: values, queries, keys, keep, extent, probability = false } = shown[place];
      const note = (most, pool) => label(LOOK, probability ? "weights" : "difference", most, pool);
      const look = { probability, extent, depth: LOOK.colour, note };
      each.draw({ values, shape: pair.shape, keep, version: opened, ...look }, { queries, keys }, titles[place], now);
    });
  }
  return { element, draw };
}

// A matrix with its tokens' names beside and below it.
function named(scope, title) {
  const matrix = new Matrix(scope, { symbol: "weights", title, ...PLACE });
  const draws = () => scope.refresh();
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, draws);
  const columns = canvas({ class: "names columns", "aria-hidden": "true" }, draws);
  matrix.element.append(columns);
  const margin = h("div", { class: "beside" }, h("small", {}, "attends from ↓"), rows, h("small", {}, "attends to →"));
  const element = h("div", { class: "map" }, margin, matrix.element);

  function draw(numbers, { queries, keys }, text, now) {
    const { head, cell, palette } = scope;
    write(matrix.title.firstChild, text);
    matrix.title.title = text;
    matrix.canvas.ariaLabel = `Weights, ${text}. Arrow keys move from cell to cell.`;
    matrix.draw(numbers, now);
    const written = (names) => names.map((token) => token ?? "");
    once(rows, [head, cell.query, palette.ink], () => drawRows(rows, written(queries), cell.query, palette));
    once(columns, [head, cell.key, palette.ink], () => drawColumns(columns, written(keys), cell.key, palette));
  }
  return { element, draw };
}
