// What the model says, and with edits in the model what it said before them.

import { bar } from "./bar.js";
import { h } from "./dom.js";

/** The panel of the prediction that came with the payload. */
export function says(scope) {
  const element = h("section", { class: "panel says" });
  let made = null;

  function draw() {
    const { prediction } = scope;
    if (made === prediction) return;
    made = prediction;
    const body = h("div", { class: "bars" });
    for (const { name, now, before } of prediction.rows) bar(body, name)({ value: now, tick: before ?? NaN });
    element.replaceChildren(h("h3", {}, prediction.title), body, h("p", { class: "note" }, prediction.note));
  }
  return { element, draw };
}
