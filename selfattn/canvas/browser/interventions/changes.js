// @ts-check
// The list of changes that are in the model; each can be taken out again.

import { h } from "../shared/dom.js";

/** The list. */
export function changes(scope) {
  const list = h("ul", { class: "list" });
  const clear = h(
    "button",
    { type: "button", class: "quiet", onclick: () => scope.act({ act: "clear" }) },
    "Take all out",
  );
  const title = h("h2", {}, "Changes in the model");
  const element = h("section", { class: "panel changes", "aria-label": "Changes in the model" }, title, list, clear);

  function draw() {
    const { changes: made } = scope.about;
    list.replaceChildren(...made.map(({ text, edit }) => h("li", {}, h("span", {}, text), out(text, edit))));
    list.hidden = clear.hidden = made.length === 0;
    title.replaceChildren("Changes in the model", h("small", {}, made.length === 0 ? "none: it runs as it is" : ""));
  }

  function out(text, edit) {
    const label = `Take out: ${text}`;
    return h("button", { type: "button", "aria-label": label, onclick: () => scope.act({ act: "remove", edit }) }, "✕");
  }
  return { element, draw };
}
