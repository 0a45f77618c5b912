// @ts-check
// What the reader can move, each beside the stage that it changes; all of it runs here, on this head alone.

import { choice, segmented, slider, toggle } from "../shared/controls.js";
import { h, write } from "../shared/dom.js";

const MASKS = { own: "own", causal: "causal", padding: "padding", window: "window" };
const REACHES = { head: "this head", model: "every head" };

/** The controls that stand over the stages: scaling and temperature, mask, threshold, and the way into the model. */
export function controls(scope) {
  const scaled = toggle("divide by √d", (on) => scope.set({ scaled: on }));
  const temperature = slider("temperature", (value, moving) => {
    scope.set({ temperature: value === scope.head.own.temperature ? null : value }, { moving });
  });
  const masks = Object.entries(MASKS).map(([value, text]) =>
    h("button", { type: "button", value, onclick: () => scope.set({ mask: flipped(scope.view.mask, value) }) }, text),
  );
  const width = slider("width", (value, moving) => scope.set({ width: value }, { moving }));
  const shown = h("button", { type: "button", class: "quiet", onclick: () => scope.set({ pairs: [] }) });
  const similarity = choice("similarity", {}, (value) => scope.set({ similarity: value }));
  const reach = choice("in", REACHES, () => scope.refresh());
  const apply = h("button", { type: "button", class: "primary" }, "Apply to the model");
  apply.onclick = () => {
    scope.flush();
    scope.tell("apply", { view: scope.view, reach: reach.select.value });
  };
  const onTop = h("small", {}, "Set here, on top: what the model says is without it.");
  const undo = h("button", { type: "button", class: "quiet", onclick: () => scope.tell("undo", true) }, "Undo");
  const back = h("button", { type: "button", class: "quiet" }, "Back to the model’s own");
  back.onclick = () => scope.set(settings(scope.about.unchanged));
  const element = h(
    "div",
    { class: "controls" },
    h("div", {}, scaled.element, temperature.element, similarity.element),
    h("div", {}, h("div", { class: "masks", role: "group", "aria-label": "Mask" }, ...masks), width.element, shown),
    h("div", { class: "apply" }, apply, reach.element, undo, back, onTop),
  );
  let made = null;

  function build(head) {
    made = head;
    const names = {
      own: head.similarity === "dot" ? "q · k" : head.similarity,
      dot: "q · k",
      cosine: "cosine",
      rbf: "−|q − k|² / 2",
    };
    if (head.similarity === "dot") delete names.dot;
    similarity.select.replaceChildren(...Object.entries(names).map(([value, text]) => h("option", { value }, text)));
    similarity.select.disabled = !head.comparable;
    scaled.input.disabled = head.fixed !== null;
    scaled.element.title = head.fixed ?? "";
  }

  function draw() {
    const { head, view } = scope;
    const { limits, unchanged } = scope.about;
    if (made !== head) build(head);
    scaled.draw(view.scaled && !head.raw);
    temperature.draw(head.temperature, limits.temperature, head.temperature.toFixed(1));
    for (const button of masks) button.ariaPressed = String(view.mask.includes(button.value));
    width.element.hidden = !view.mask.includes("window");
    width.draw(view.width, limits.width);
    shown.hidden = !view.pairs.length;
    write(shown, `Show ${view.pairs.length} hidden ${view.pairs.length === 1 ? "pair" : "pairs"}`);
    similarity.draw(view.similarity);
    undo.hidden = !scope.about.undo;
    apply.disabled = same(settings(view), settings(unchanged));
    back.hidden = onTop.hidden = apply.disabled;
  }
  return { element, draw };
}

// What of a view changes numbers.
function settings({ similarity, scaled, temperature, mask, width, pairs }) {
  return { similarity, scaled, temperature, mask, width, pairs };
}

// A width counts where there is a window.
function same(...both) {
  const [one, other] = both.map((each) =>
    JSON.stringify({ ...each, width: each.mask.includes("window") && each.width }),
  );
  return one === other;
}

function flipped(mask, name) {
  const others = mask.filter((each) => each !== name);
  return others.length < mask.length
    ? others
    : Object.keys(MASKS).filter((each) => each === name || mask.includes(each));
}

const RANGES = { row: "each row", head: "this head", all: "all heads" };
const COLOURS = { sqrt: "√", linear: "linear", log: "log" };
const STAGES = { scores: "scores", scaled: "scaled", logits: "masked", weights: "weights" };
const SEGMENTS = { all: "all", AA: "A → A", AB: "A → B", BA: "B → A", BB: "B → B" };

/** The line over the picture: which of `pictures`, how it is coloured or filtered, and the `files` to save it as. */
export function toolbar(scope, pictures, files) {
  const names = Object.fromEntries(Object.entries(pictures).map(([show, { name }]) => [show, name]));
  const show = segmented("Picture", names, (value) => scope.set({ show: value }));
  const stage = segmented("Stage", STAGES, (value) => scope.set({ stage: value }));
  const range = choice("colours over", RANGES, (value) => scope.set({ range: value }));
  const colour = choice("scale", COLOURS, (value) => scope.set({ colour: value }));
  const threshold = slider("weights from", (value, moving) => scope.set({ threshold: value }, { moving }));
  const words = toggle("whole words", (on) => scope.set({ words: on }));
  const segments = choice("sentences", SEGMENTS, (value) => scope.set({ segments: value }));
  const parts = { stage, range, colour, threshold, words, segments };
  const element = h(
    "div",
    { class: "toolbar" },
    show.element,
    ...Object.values(parts).map((part) => part.element),
    files,
  );

  function draw() {
    const { view, head } = scope;
    const shown = head.shown(view.show);
    const used = head.tile ? ["range", "colour"] : pictures[shown].uses;
    show.draw(shown);
    for (const button of show.buttons) button.hidden = ["image", "sound"].includes(button.value) && !head[button.value];
    for (const [name, part] of Object.entries(parts)) {
      part.element.hidden = !used.includes(name);
      if (part !== threshold) part.draw(view[name]);
    }
    threshold.draw(view.threshold, scope.about.limits.threshold, view.threshold.toFixed(3));
    // A table is text already.
    files.hidden = shown === "table";
    if (!head.segments?.keys.some(Boolean)) segments.element.hidden = true;
  }
  return { element, draw };
}
