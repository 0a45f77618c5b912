// @ts-check
// One cell of both heads by its numbers, and the same in a sentence for those who hear it.

import { bar } from "../bar.js";
import { fraction, h, number, write } from "../dom.js";

/** The panel of the cell that the reader points at. */
export function cell(scope) {
  const title = h("h2");
  const bars = h("div", { class: "bars" });
  const draws = ["A", "B"].map((name) => bar(bars, name));
  const difference = h("p", { class: "difference" });
  const note = h("p", { class: "note" });
  const release = h("button", { type: "button", class: "quiet", onclick: () => scope.release() }, "Let go (Esc)");
  const element = h("section", { class: "panel cell" }, title, bars, difference, note, release);

  function draw() {
    const { head: pair, cell: here } = scope;
    title.replaceChildren(
      h("bdi", { class: "q", title: which(pair, "queries", here.query) }, pair.queries[here.query]),
      " → ",
      h("bdi", { class: "k", title: which(pair, "keys", here.key) }, pair.keys[here.key]),
      h("small", {}, `row ${here.query}, column ${here.key}`),
    );
    const found = pair.at(here);
    for (const [side, { weight, uniform }] of found.each.entries()) draws[side]({ value: weight, tick: uniform });
    write(difference, `B − A = ${number(found.difference, 4)}`);
    const missing = found.each.map(reason).flatMap((why, side) => (why ? [`${"AB"[side]}: ${why}`] : []));
    write(note, missing.length ? `${missing.join("; ")}.` : "The tick is even attention under the same mask.");
    release.hidden = scope.view.query === null;
  }
  return { element, draw };
}

// Which token it is, in both where that differs.
function which({ sides }, side, place) {
  const [first, second] = sides.map(({ notes }) => notes?.[side][place] ?? "");
  if (first === second || !second) return first;
  return first ? `A: ${first}\nB: ${second}` : second;
}

function reason({ there, masked }) {
  if (!there) return "no such token";
  return masked ? "masked, may not attend" : "";
}

/** The cell in one sentence. */
export function sentence(pair, here) {
  const { each, difference } = pair.at(here);
  const said = each.map((one, side) => `${"AB"[side]} ${reason(one) || fraction(one.weight)}`);
  return `${pair.queries[here.query]} attends to ${pair.keys[here.key]}: ${said.join(", ")}; difference ${number(difference, 4)}.`;
}
