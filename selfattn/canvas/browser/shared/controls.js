// @ts-check
// What a reader moves: an element, and `draw` that shows what it stands at.

import { h, write } from "./dom.js";

/** A labelled choice among few, as buttons of which one is on. */
export function segmented(label, options, choose) {
  const buttons = Object.entries(options).map(([value, text]) =>
    h("button", { type: "button", value, onclick: () => choose(value) }, text),
  );
  const element = h("div", { class: "segmented", role: "group", "aria-label": label }, ...buttons);
  const draw = (chosen) => {
    for (const button of buttons) button.ariaPressed = String(button.value === chosen);
  };
  return { element, draw, buttons };
}

/** A labelled choice from a list. */
export function choice(label, options, choose) {
  const select = h(
    "select",
    { onchange: () => choose(select.value) },
    ...Object.entries(options).map(([value, text]) => h("option", { value }, text)),
  );
  const draw = (value) => {
    select.value = value;
  };
  return { element: h("label", {}, h("span", {}, label), select), select, draw };
}

/** A labelled slider with its number; `choose(value, moving)` is called at the display's rate while it is dragged. */
export function slider(label, choose) {
  const input = h("input", { type: "range" });
  const value = h("output");
  input.oninput = () => choose(Number(input.value), true);
  input.onchange = () => choose(Number(input.value), false);
  const draw = (number, { min, max, step }, text = String(number)) => {
    Object.assign(input, { min, max, step, value: number });
    write(value, text);
    input.style.setProperty("--done", `${(100 * (number - min)) / (max - min)}%`);
  };
  return { element: h("label", { class: "slider" }, h("span", {}, label), input, value), input, draw };
}

/** An on-off switch. */
export function toggle(label, choose) {
  const input = h("input", { type: "checkbox", role: "switch", onchange: () => choose(input.checked) });
  const draw = (on) => {
    input.checked = on;
  };
  return { element: h("label", { class: "toggle" }, input, h("span", {}, label)), input, draw };
}
