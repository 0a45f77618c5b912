// @ts-check
// The patterns as numbers: the chosen head's in a table, every head's in a file.

import { h, number, write } from "../shared/dom.js";
import { named, some } from "./words.js";

/** What changed in the training, the table, and the file. */
export function numbers(scope) {
  const events = h("p", { class: "note" });
  const table = h("table");
  const frame = h("div", { class: "numbers", tabIndex: 0, role: "region", "aria-label": "Patterns by step" }, table);
  const details = h("details", { ontoggle: () => scope.refresh() }, h("summary", {}, "Numbers of this head"), frame);
  const file = h("button", { type: "button", class: "files", onclick: () => save(scope.history) }, "↓ csv");
  file.ariaLabel = "Save the patterns of every head as csv";
  const element = h("div", { class: "foot" }, events, file, details);

  function draw() {
    const { history } = scope;
    write(events, history.events.map(([step, said]) => `Step ${some(step)}, dotted: ${said}.`).join(" "));
    if (details.open) table.replaceChildren(...rows(scope));
  }
  return { element, draw };
}

function rows({ history, layer, head, at }) {
  const titles = ["step", ...history.patterns.map(({ name }) => name)];
  const headings = titles.map((title) => h("th", { scope: "col" }, title));
  const even = history.patterns.map(({ uniform }) => h("td", {}, number(uniform)));
  const body = history.steps.map((step, place) =>
    h(
      "tr",
      { class: place === at ? "now" : "" },
      h("th", { scope: "row" }, some(step)),
      ...history.patterns.map((_, pattern) => h("td", {}, number(history.value(pattern, { layer, head }, place)))),
    ),
  );
  const uniform = h("tr", {}, h("th", { scope: "row" }, "even attention"), ...even);
  return [
    h("caption", {}, `Patterns of ${named({ layer, head })} by step`),
    h("thead", {}, h("tr", {}, ...headings)),
    h("tbody", {}, uniform, ...body),
  ];
}

/** A row a step and head, a column a pattern. */
export function csv(history) {
  const head = ["step", "layer", "head", ...history.patterns.map(({ name }) => name)];
  const lines = history.steps.flatMap((step, at) =>
    history.places.map((place) =>
      [
        step,
        place.layer,
        place.head,
        ...history.patterns.map((_, pattern) => history.value(pattern, place, at)),
      ].join(),
    ),
  );
  return [head.join(), ...lines, ""].join("\n");
}

function save(history) {
  const address = URL.createObjectURL(new Blob([csv(history)], { type: "text/csv" }));
  h("a", { href: address, download: "selfattn-history.csv" }).click();
  URL.revokeObjectURL(address);
}
