// One head by exact attention and by another: both maps and their difference, the numbers, and the table of all variants.

import { bar } from "../shared/bar.js";
import { cell, sentence } from "../compare/cell.js";
import { maps } from "../compare/maps.js";
import { Pair } from "../compare/pair.js";
import { h, write } from "../shared/dom.js";
import { unpack } from "../shared/payload.js";
import { Scope } from "../shared/scope.js";
import { sortable } from "../shared/sortable.js";

const COLUMNS = [
  { name: "rank", of: (row) => row.rank, digits: 0 },
  { name: "attention", of: (row) => row.title, heads: true },
  { name: "what it does", of: (row) => row.does },
  { name: "row variation", of: (row) => row.variation, symbol: "weights" },
  { name: "output error", of: (row) => row.error, symbol: "value" },
  { name: "multiply-adds", of: (row) => row.operations, digits: 0 },
  { name: "× exact", of: (row) => row.share, digits: 2 },
];

class Variants {
  constructor(root) {
    const inner = h("div", { class: "compare" });
    const scope = new Scope(root, () => {}, (now) => this.draw(now));
    const choose = (place) => this.tell("open", { variant: scope.about.table[place].name });
    Object.assign(this, { scope, parts: [maps(scope), numbers(scope), cell(scope)] });
    this.table = sortable(COLUMNS, { name: "variants", choose });
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    const [pictures, measured, pointed] = this.parts.map((part) => part.element);
    const list = h("section", { class: "table", "aria-label": "All variants" }, this.table.element);
    inner.append(h("div", { class: "board" }, pictures, h("div", { class: "side" }, measured, pointed), list), this.said);
    root.replaceChildren(inner);
    root.onkeydown = (event) => {
      if (event.key === "Escape") scope.release();
    };
    // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
    root.ontransitionend = (event) => {
      if (event.target === inner) scope.refresh();
    };
  }

  open(data) {
    const { scope } = this;
    scope.about = unpack(data);
    const pair = new Pair(scope.about);
    // A weight of 50 and its −49, as an inverse gives them, would leave all others pale.
    Object.assign(pair, { most: Math.min(pair.most, 1), widest: Math.min(pair.widest, 1) });
    scope.open(pair, this.data ? null : scope.about.view);
    this.data = data;
  }

  draw(now) {
    const { scope, parts, table } = this;
    const { table: rows, chosen, caption } = scope.about;
    for (const part of parts) part.draw(now);
    table.draw(caption, rows, chosen);
    const said = scope.pointed || scope.view.query !== null;
    write(this.said, said ? sentence(scope.head, scope.cell) : "");
  }
}

/** What was measured of the chosen variant, beside even attention, and what it costs beside exact attention. */
function numbers(scope) {
  const element = h("section", { class: "panel numbers" });
  let made = null;

  function draw() {
    const { measured } = scope.about;
    if (made === measured) return;
    made = measured;
    const bars = h("div", { class: "bars" });
    for (const { name, value, even } of measured.bars) bar(bars, name)({ value: value ?? NaN, tick: even ?? NaN });
    const [heads, ...lines] = measured.costs;
    const head = h("tr", {}, ...heads.map((name) => (name ? h("th", { scope: "col" }, name) : h("td"))));
    const body = lines.map(([name, ...cells]) =>
      h("tr", {}, h("th", { scope: "row" }, name), ...cells.map((text) => h("td", {}, text))),
    );
    const costs = h("table", { class: "costs" }, h("thead", {}, head), h("tbody", {}, ...body));
    const notes = measured.notes.map((note) => h("p", { class: "note" }, note));
    element.replaceChildren(h("h2", {}, measured.title), bars, ...notes, ...(lines.length ? [costs] : []));
  }
  return { element, draw };
}

const made = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".variants");
  if (!made.has(root)) made.set(root, new Variants(root));
  const variants = made.get(root);
  variants.tell = setTriggerValue;
  if (variants.data !== data) variants.open(data);
  // The numbers on screen, for whoever wants to read them from a script.
  root.scope = variants.scope;
}
