// @ts-check
// What the model says with the changes, beside what it said before them and what changes at random would have done.

import { h, number } from "../shared/dom.js";
import { signed } from "./silence.js";

/** The panel: a bar for each answer, a tick where it stood before, and the difference. */
export function outcome(scope) {
  const element = h("section", { class: "panel outcome" });

  function draw() {
    const { prediction, sentences, changes } = scope.about;
    const bars = h("div", { class: "bars" });
    for (const { name, now, before } of prediction.rows) bars.append(...row(name, now, before));
    // Of a run without changes the note is about weights, and there are none here.
    const noted = changes.length > 0 || prediction.rows.length === 0 ? [prediction.note] : [];
    const said = [...sentences.slice(0, 1), ...noted, ...sentences.slice(1)].map((sentence) =>
      h("p", { class: "note" }, sentence),
    );
    const text = prediction.text ? [h("p", { class: "said" }, prediction.text)] : [];
    const was = prediction.was ? [h("p", { class: "note" }, `before: ${prediction.was}`)] : [];
    element.replaceChildren(h("h2", {}, prediction.title), ...text, ...was, bars, ...said);
  }
  return { element, draw };
}

function row(name, now, before) {
  const [fill, tick] = [h("i"), h("b")];
  const place = (share) => `${100 * Math.min(Math.max(share, 0), 1)}%`;
  fill.style.width = place(now);
  tick.hidden = before === null;
  tick.style.left = place(before ?? 0);
  const moved = before === null ? "" : signed(now - before);
  const spoken = before === null ? "" : `, before ${number(before)}`;
  const bar = h("div", { class: "bar", role: "img", "aria-label": `${name} ${number(now)}${spoken}` }, fill, tick);
  const numbers = [h("span", { class: "number" }, number(now)), h("span", { class: "number moved" }, moved)];
  return [h("span", { class: "name", title: name }, name), bar, ...numbers];
}
