// @ts-check
// What the model says of A and of B: two bars a label, one where only one of them knows it.

import { bar } from "../shared/bar.js";
import { h } from "../shared/dom.js";
import { told } from "../shared/prediction.js";

/** The panel of the two predictions that came with the payload. */
export function says(scope) {
  const element = h("section", { class: "panel says" });
  let made = null;

  function draw() {
    const { prediction } = scope.about;
    if (made === prediction) return;
    made = prediction;
    const rows = prediction.rows.map(({ name, first, second }) => {
      const bars = h("div", { class: "bars" });
      for (const [side, value] of Object.entries({ A: first, B: second }))
        if (value !== null) bar(bars, side)({ value, plain: !prediction.bars });
      return h("div", { class: "label" }, h("bdi", { class: "name", title: name }, name), bars);
    });
    element.replaceChildren(...told(prediction, rows, [prediction.note]));
  }
  return { element, draw };
}
