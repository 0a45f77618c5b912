// @ts-check
// Where a mask comes from: those with a name, patterns combined, and the expression itself.

import { segmented } from "../shared/controls.js";
import { h, write } from "../shared/dom.js";
import { named, parse, replaced, write as spell } from "./language.js";

// Each is what the system attends to, in the words of its field.
const STARTS = {
  "causal window": ["causal & window(3)", "Mistral: each token and the two before it"],
  "all before": ["causal", "GPT: no token sees the future"],
  "all to all": ["padding", "BERT: every token sees every other, but no padding"],
  "window + global first": ["window(2) | global_tokens([0])", "Longformer: neighbours, and a first token that all see"],
  "first + recent": [
    "causal & (window(4) | global_tokens([0]))",
    "StreamingLLM: the first token, a sink, and the last",
  ],
  blocks: ["block(4)", "Blocks of four that never hear of each other"],
  strided: ["causal & (window(3) | dilated(128, 3))", "Sparse Transformer: the last three, and every third before"],
};
const OPERATORS = { and: "and", or: "or", not: "and not" };
const PATTERNS = { causal: [], window: [3], dilated: [8, 2], block: [4], global_tokens: [0] };
const NAMES = { causal: "causal", window: "window", dilated: "dilated", block: "block", global_tokens: "global token" };
const SPOKEN = { window: ["width"], dilated: ["width", "step"], block: ["size"], global_tokens: ["position"] };

/** The controls over the squares. */
export function controls(scope) {
  let operator = "and";
  let shown = null; // the expression that was written last: another that stands there is the reader's
  const starts = Object.entries(STARTS).map(([name, [expression, title]]) =>
    h("button", { type: "button", title, "aria-label": `${name}. ${title}`, onclick: () => adopt(expression) }, name),
  );
  const how = segmented("Combine by", OPERATORS, (value) => {
    operator = value;
    scope.refresh();
  });
  const chips = Object.keys(PATTERNS).map((name) => chip(scope, name, () => toggle(name)));
  const quiet = { type: "text", spellcheck: false, autocomplete: "off" };
  const field = h("input", { ...quiet, class: "expression", "aria-label": "Mask as an expression" });
  const fault = h("p", { class: "note fault", role: "alert" });
  const step = (done) => ({ type: "button", class: "quiet", onclick: () => scope.change(() => done(scope.drawing)) });
  const undo = h("button", { ...step((drawing) => drawing.undo()), title: "Ctrl + Z" }, "Undo");
  const clean = h(
    "button",
    step((drawing) => drawing.clean()),
  );
  const element = h(
    "section",
    { class: "panel making", "aria-label": "Make a mask" },
    row("Start from", ...starts),
    row("Patterns", how.element, ...chips.map((each) => each.element)),
    row("Mask =", field, undo, clean),
    fault,
  );

  function adopt(expression) {
    try {
      scope.change(() => scope.drawing.adopt(expression));
      write(fault, "");
      field.removeAttribute("aria-invalid");
    } catch (error) {
      write(fault, error.message);
      field.setAttribute("aria-invalid", "true");
    }
  }
  field.onchange = () => adopt(field.value);
  field.onkeydown = (event) => event.key === "Enter" && adopt(field.value);

  // A pattern that is there leaves; one that is not joins what is there.
  function toggle(name) {
    const { pattern } = scope.drawing;
    const there = [...named(pattern)].find((each) => each.name === name);
    const one = { name, args: chips.find((each) => each.name === name).args() };
    const next = there ? (replaced(pattern, there, null) ?? parse("padding")) : joined(pattern, one);
    scope.change(() => scope.drawing.base(next));
  }

  function joined(pattern, one) {
    if (operator === "or") return { or: [pattern, one] };
    if (operator === "not") return { and: [pattern, { not: one }] };
    // Everything and-ed with a pattern is the pattern.
    return pattern.name === "padding" ? one : { and: [pattern, one] };
  }

  function draw() {
    const { drawing } = scope;
    const text = drawing.expression;
    for (const button of starts) {
      const [expression] = STARTS[button.textContent];
      button.ariaPressed = String(spell(parse(expression)) === text);
    }
    how.draw(operator);
    for (const each of chips) each.draw([...named(drawing.pattern)]);
    if (shown !== text) {
      field.value = text;
      shown = text;
      write(fault, "");
      field.removeAttribute("aria-invalid");
    }
    undo.disabled = !drawing.past.length;
    const { painted } = drawing;
    clean.hidden = !painted;
    write(clean, `Clear ${painted} painted ${painted === 1 ? "cell" : "cells"}`);
  }
  return { element, field, draw };
}

function row(label, ...children) {
  const name = h("span", { class: "label" }, label);
  return h("div", { class: "choices", role: "group", "aria-label": label }, name, ...children);
}

// A pattern that is on or off, with its numbers: while it is on they move the mask.
function chip(scope, name, press) {
  const button = h("button", { type: "button", onclick: press }, NAMES[name]);
  const least = name === "global_tokens" ? 0 : 1;
  const inputs = PATTERNS[name].map((value, place) => {
    const label = `${NAMES[name]}: ${SPOKEN[name][place]}`;
    return h("input", { type: "number", min: least, max: 999, value, "aria-label": label, oninput: move });
  });
  const args = () => inputs.map((input) => Math.min(Math.max(Math.round(Number(input.value)), least), 999));

  function move() {
    const { pattern } = scope.drawing;
    const there = [...named(pattern)].find((each) => each.name === name);
    if (!there || inputs.some((input) => input.value === "")) return;
    const past = name === "global_tokens" ? there.args.slice(1) : [];
    scope.change(() => scope.drawing.base(replaced(pattern, there, { name, args: [...args(), ...past] })));
  }

  function draw(patterns) {
    const there = patterns.find((each) => each.name === name);
    button.ariaPressed = String(Boolean(there));
    if (!there) return;
    inputs.forEach((input, place) => {
      // A number that is being typed is the reader's.
      if (!input.matches(":focus") && there.args[place] !== undefined) input.value = there.args[place];
    });
  }
  return { name, element: h("span", { class: "chip" }, button, ...inputs), args, draw };
}
