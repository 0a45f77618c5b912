// @ts-check
// What a model says: what stands in each panel of a prediction, and the panel of one with changes.

import { bar } from "./bar.js";
import { h, signed } from "./dom.js";

/** The title, with the `place` of it, what it says in words now and before, the bars, and a note for each sentence. */
export function told({ title, text = "", was = "" }, bars, notes, place = null) {
  const said = text ? [h("p", { class: "said" }, text)] : [];
  const note = (sentence) => h("p", { class: "note" }, sentence);
  return [h("h2", {}, title, place), ...said, ...(was ? [note(`before: ${was}`)] : []), ...bars, ...notes.map(note)];
}

/** The panel: a bar for each answer, a tick where it stood before, and the difference. */
export function outcome(scope) {
  const element = h("section", { class: "panel outcome" });

  function draw() {
    const { prediction, sentences, changes } = scope.about;
    const bars = h("div", { class: "bars" });
    for (const { name, now, before } of prediction.rows) {
      bar(bars, name, "before")({ value: now, tick: before ?? NaN, plain: !prediction.bars });
      bars.append(h("span", { class: "number moved" }, before === null ? "" : signed(now - before)));
    }
    // Of a run without changes the note is about weights, and there are none here.
    const noted = changes.length > 0 || prediction.rows.length === 0 ? [prediction.note] : [];
    const notes = [...sentences.slice(0, 1), ...noted, ...sentences.slice(1)];
    element.replaceChildren(...told(prediction, [bars], notes));
  }
  return { element, draw };
}
