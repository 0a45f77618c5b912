// @ts-check
// What the model says, and with edits in the model what it said before them.

import { bar } from "../shared/bar.js";
import { h } from "../shared/dom.js";
import { told } from "../shared/prediction.js";

/** The panel of the prediction that came with the payload; where the model answers at every token, of the chosen one. */
export function says(scope) {
  const element = h("section", { class: "panel says" });
  let made = null;

  function draw() {
    const { prediction, head, view } = scope;
    const chosen = prediction.at[view.query] ? view.query : null;
    const key = `${chosen}`;
    if (made?.prediction === prediction && made.key === key) return;
    made = { prediction, key };
    const body = h("div", { class: "bars" });
    for (const row of chosen === null ? prediction.rows : prediction.at[chosen]) {
      const draw = bar(body, row.name);
      draw({ value: row.now, tick: row.before ?? NaN, plain: !prediction.bars });
      if (prediction.writable && chosen === null) write(body, row);
    }
    const at = chosen ?? (Object.keys(prediction.at).length > 1 ? prediction.position : null);
    const place = at === null ? null : h("small", {}, `at ${head.queries[at]}`);
    element.replaceChildren(...told(prediction, [body], [prediction.note], place));
  }

  // A token that may come next is a button: the text goes on with it.
  function write(body, { id, name }) {
    const button = h("button", { type: "button", class: "name", title: `Go on with ${name}` }, name);
    button.onclick = () => scope.tell("write", id);
    body.children[body.children.length - 3].replaceWith(button);
  }
  return { element, draw };
}
