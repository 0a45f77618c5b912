// All heads of a model on one canvas: hover or arrow keys enlarge a head, a click or Enter opens it.

import { paletteOf } from "../shared/colour.js";
import { h } from "../shared/dom.js";
import { unpack } from "../shared/payload.js";
import { arrange, opening, sentence, step } from "./order.js";
import { grid } from "./grid.js";
import { card } from "./card.js";
import { controls } from "./controls.js";

const made = new WeakMap();

/** Streamlit calls this with each payload; the same element keeps its view and its cursor. */
export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".atlas");
  if (!made.has(root)) made.set(root, atlas(root));
  const { show, leave } = made.get(root);
  show(data, setStateValue, setTriggerValue);
  return leave;
}

function atlas(root) {
  const scope = { about: null, view: null, at: null, palette: null, places: [] };
  let [shown, keep, tell, frame, seq] = [null, null, null, 0, 0];

  scope.set = (change, done = true) => {
    scope.view = Object.freeze({ ...scope.view, ...change });
    scope.places = arrange(scope.about, scope.view);
    if (done) keep("view", scope.view);
    draw();
  };
  scope.point = (at) => {
    if (at === null || same(at, scope.at)) return;
    scope.at = at;
    draw();
  };
  scope.open = (at) => tell("open", at);
  scope.key = (name) => {
    const next = step(scope.places, scope.at, name);
    if (next === null) return false;
    scope.point(next);
    heard.textContent = sentence(scope.about, scope.at);
    return true;
  };

  const parts = [controls(scope), grid(scope), card(scope)];
  const heard = h("div", { class: "heard", "aria-live": "polite" });
  root.replaceChildren(parts[0].element, h("div", { class: "board" }, parts[1].element, parts[2].element), heard);

  function draw() {
    frame ||= requestAnimationFrame(() => {
      frame = 0;
      paint();
    });
  }

  function paint() {
    scope.palette = paletteOf(root);
    for (const part of parts) part.draw();
  }

  function show(data, setStateValue, setTriggerValue) {
    [keep, tell] = [setStateValue, setTriggerValue];
    if (data === shown) return;
    const start = performance.now();
    shown = data;
    scope.about = unpack(data);
    scope.view = opening(scope.about, scope.view ?? scope.about.view);
    scope.places = arrange(scope.about, scope.view);
    scope.at = cursor(scope, scope.at);
    paint();
    performance.measure("atlas", { start, end: performance.now() });
    Object.assign(root.dataset, { ready: "true", seq: ++seq });
  }

  // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
  root.ontransitionend = (event) => event.target === root && draw();
  const sizes = new ResizeObserver(draw);
  sizes.observe(root);

  function leave() {
    sizes.disconnect();
    cancelAnimationFrame(frame);
    made.delete(root);
  }
  return { show, leave };
}

function same(a, b) {
  return b !== null && a.layer === b.layer && a.head === b.head;
}

// Where the reader was; at first the head that has the most of the pattern.
function cursor({ about, view }, at) {
  const [layers, heads] = about.planes.table.shape;
  if (at && at.layer < layers && at.head < heads) return at;
  const [{ layer, head }] = arrange(about, { ...view, order: "all" })[0];
  return { layer, head };
}
