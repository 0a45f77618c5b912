// @ts-check
// What the reader chooses: a pattern to mark the heads by, their order, and from what number on they are shown.

import { h, number, write } from "../shared/dom.js";
import { most, named, ORDERS } from "./order.js";

/** The row of controls. */
export function controls(scope) {
  const pattern = h("select", { onchange: () => scope.set({ pattern: pattern.value, least: 0 }) });
  const order = h("select", { onchange: () => scope.set({ order: order.value }) });
  order.append(...Object.entries(ORDERS).map(([value, words]) => h("option", { value }, words)));
  const least = h("input", { type: "range", min: 0 });
  least.oninput = () => scope.set({ least: Number(least.value) }, false);
  least.onchange = () => scope.set({ least: Number(least.value) });
  const go = h("input", { type: "text", placeholder: "17.5", size: 6, autocomplete: "off", maxLength: 14 });
  const refused = h("span", { class: "note", role: "alert" });
  go.onchange = jump;

  function jump() {
    if (!go.value.trim()) return write(refused, "");
    const found = named(scope.about, go.value);
    write(refused, typeof found === "string" ? found : "");
    if (typeof found === "string") return;
    go.value = "";
    scope.jump(found);
  }
  const [written, count] = [h("output"), h("span", { class: "note", role: "status" })];
  const meaning = h("p", { class: "note" });
  const element = h(
    "div",
    { class: "controls" },
    h("label", {}, "Pattern", pattern),
    h("label", {}, "Order", order),
    h("label", { class: "slider" }, "At least", least, written),
    h("label", { title: "Go to a head by its layer and number" }, "Go to", go),
    refused,
    count,
    meaning,
  );
  let made = null;

  function build(about) {
    made = about;
    pattern.replaceChildren(...about.patterns.map(({ name }) => h("option", { value: name }, name)));
  }

  function draw() {
    const { about, view, places } = scope;
    if (made !== about) build(about);
    const top = most(about, view.pattern);
    const { meaning: words, share } = about.patterns.find(({ name }) => name === view.pattern);
    Object.assign(pattern, { value: view.pattern });
    Object.assign(order, { value: view.order });
    Object.assign(least, { max: top, step: top / 100, value: view.least });
    least.style.setProperty("--done", `${(100 * view.least) / top}%`);
    write(written, number(view.least, 2));
    const heads = places.flat();
    const passing = heads.filter(({ passes }) => passes).length;
    write(count, view.least > 0 ? `${passing} of ${heads.length} heads` : `${heads.length} heads`);
    write(meaning, `${view.pattern}: ${words}, ${share ? "from 0 to 1" : `from 0 to ${top} tokens`}.`);
  }
  return { element, draw };
}
