// Change a model's attention and see what it says then: lines to cut, heads to silence, the prediction, the changes.

import { changes } from "./changes.js";
import { paletteOf, rgb } from "../shared/colour.js";
import { cuts } from "./cuts.js";
import { h, write } from "../shared/dom.js";
import { outcome } from "./outcome.js";
import { unpack } from "../shared/payload.js";
import { silence } from "./silence.js";

const made = new WeakMap();

/** Streamlit calls this with each payload; the same element keeps its focus and what is not yet answered. */
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".experiment");
  if (!made.has(root)) made.set(root, experiment(root));
  return made.get(root)(data, setTriggerValue);
}

function experiment(root) {
  // What the reader did and Python has not answered yet goes with each message, and with it the edits that it was done
  // to: none is lost where clicks are fast.
  const scope = { about: null, pending: [], act };
  const heard = h("div", { class: "heard", role: "status", "aria-live": "polite" });
  const parts = { cuts: cuts(scope), silence: silence(scope), outcome: outcome(scope), changes: changes(scope) };
  scope.say = (sentence) => write(heard, sentence);
  const [left, right] = [h("div", { class: "side" }, parts.silence.element), h("div", { class: "side" })];
  right.append(parts.outcome.element, parts.changes.element);
  root.replaceChildren(parts.cuts.element, h("div", { class: "sides" }, left, right), heard);
  let [shown, tell, last] = [null, null, 0];

  /** Something that the reader does: {act: "silence" | "cut" | "hide" | "remove" | "clear", ...}. */
  function act(deed) {
    last = Math.max(last + 1, Date.now());
    scope.pending = [...scope.pending, { ...deed, at: last }];
    root.dataset.pending = scope.pending.length;
    tell("act", { edits: scope.about.edits, deeds: scope.pending });
    draw();
  }

  function draw() {
    const palette = paletteOf(root);
    const [red, green, blue] = rgb(palette.panel);
    root.classList.toggle("dark", red + green + blue < 384);
    for (const part of Object.values(parts)) part.draw();
  }

  // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
  root.ontransitionend = (event) => event.target === root && draw();
  const sizes = new ResizeObserver(() => scope.about && parts.cuts.lay());
  sizes.observe(root);

  return function show(data, setTriggerValue) {
    tell = setTriggerValue;
    if (data === shown) return;
    shown = data;
    scope.about = unpack(data);
    scope.pending = scope.pending.filter(({ at }) => at > scope.about.done);
    root.dataset.pending = scope.pending.length;
    draw();
    scope.say(scope.about.heard);
    Object.assign(root.dataset, { ready: "true", seq: Number(root.dataset.seq ?? 0) + 1 });
  };
}
