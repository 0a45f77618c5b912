// @ts-check
// How spread or saturated the head is: means over its rows as bars, each with a tick where uniform weights would stand.

import { gauges as measured } from "../shared/attend.js";
import { bar } from "../shared/bar.js";
import { h, write } from "../shared/dom.js";

const MEANINGS = {
  entropy: "how spread a row is: 1 looks everywhere alike, 0 at one word",
  "max weight": "the largest weight of a row",
  "tr J": "how much gradient passes the softmax: 0 is saturated, nothing is learnt",
  "first token": "what a row gives to the first token",
};

/** The panel of gauges. */
export function gauges(scope) {
  const body = h("div", { class: "bars" });
  const note = h("p", { class: "note" });
  const element = h("section", { class: "panel gauges" }, h("h2", {}, "This head, over all its rows"), body, note);
  const rows = new Map();

  function draw() {
    const { head, cell } = scope;
    for (const { name, of, mean, uniform } of measured(head)) {
      if (!rows.has(name)) {
        rows.set(name, bar(body, name));
        body.append(h("small", { class: "meaning" }, MEANINGS[name]));
      }
      const here = head.allowed[cell.query] > 0 ? of(cell.query) : NaN;
      rows.get(name)({ value: mean, tick: uniform, mark: here });
    }
    const empty = head.allowed.reduce((count, allowed) => count + (allowed === 0), 0);
    const rows_ = `${empty} ${empty === 1 ? "row" : "rows"} may attend to nothing: zeros. `;
    write(note, `${empty ? rows_ : ""}▏uniform under the same mask  ◆ this row`);
  }
  return { element, draw };
}
