// @ts-check
// One head by exact attention and by another: both maps and their difference, the numbers, and the table of all variants.

import { bar } from "../shared/bar.js";
import { h, write } from "../shared/dom.js";
import { cell, sentence } from "../shared/pair/cell.js";
import { maps } from "../shared/pair/maps.js";
import { Pair } from "../shared/pair/pair.js";
import { saver } from "../shared/saving/saver.js";
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

export default class Variants extends Scope {
  constructor(root) {
    super(root, "variants", "compare");
    const choose = (place) => this.tell("open", { variant: this.about.table[place].name });
    this.parts = [maps(this), numbers(this), cell(this)];
    this.table = sortable(COLUMNS, { name: "variants", choose });
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    const [pictures, measured, pointed] = this.parts.map((part) => part.element);
    const list = h("section", { class: "table", "aria-label": "All variants" }, this.table.element);
    const side = h("div", { class: "side" }, measured, pointed);
    const files = saver(this, () => ({
      view: this.about.table[this.about.chosen].name,
      parts: [pictures],
      said: [this.head.titles.join(" and ")],
    }));
    root.append(files.element, h("div", { class: "board" }, pictures, side, list), this.said);
  }

  open(about) {
    const first = this.about === null;
    super.open(about);
    const pair = new Pair(about);
    // A weight of 50 and its −49, as an inverse gives them, would leave all others pale.
    pair.most = Math.min(pair.most, 1);
    pair.widest = Math.min(pair.widest, 1);
    this.show(pair, first ? about.view : null);
  }

  draw(now) {
    const { table: rows, chosen, caption } = this.about;
    for (const part of this.parts) part.draw(now);
    this.table.draw(caption, rows, chosen);
    const said = this.pointed || this.view.query !== null;
    write(this.said, said ? sentence(this.head, this.cell) : "");
  }

  /** The cell is for looking at: nobody else needs to know it. */
  report() {}
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
