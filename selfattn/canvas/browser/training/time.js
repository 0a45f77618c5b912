// @ts-check
// The time of a training: play, and a scrubber over the recorded steps, which are a constant factor apart.

import { h, write } from "../shared/dom.js";
import { some, stepOf } from "./words.js";

// Pixels between two ticks' numbers.
const ROOM = 40;

/** Play or pause, the scrubber, and the step where it stands. */
export function time(scope) {
  const play = h("button", { type: "button", class: "play", onclick: () => scope.play() });
  const input = h("input", { type: "range", min: 0, step: 1, "aria-label": "Training step" });
  const ticks = h("div", { class: "ticks", "aria-hidden": "true" });
  const step = h("span");
  const total = h("small");
  const element = h(
    "div",
    { class: "time panel" },
    play,
    h("div", { class: "slider" }, input, ticks),
    h("div", { class: "step" }, step, total),
  );
  input.oninput = () => scope.go(Number(input.value), { moving: true });
  input.onchange = () => scope.go(Number(input.value));
  let made = null;
  // As many steps are named as there is room for.
  new ResizeObserver(() => made && build(scope.history)).observe(input);

  function build(history) {
    made = history.steps;
    input.max = history.last;
    ticks.replaceChildren(...named(history, input.clientWidth || 600).map(([step, share]) => tick(step, share)));
  }

  function draw() {
    const { history, at, playing } = scope;
    if (made !== history.steps) build(history);
    input.value = at;
    play.disabled = input.disabled = !history.last;
    input.style.setProperty("--done", `${(100 * at) / Math.max(history.last, 1)}%`);
    input.ariaValueText = stepOf(history, at);
    write(play, playing ? "❚❚ Pause" : at === history.last ? "▶ Play from random" : "▶ Play on");
    write(step, some(history.steps[at]));
    write(total, `of ${some(history.steps[history.last])} steps`);
  }
  return { element, draw };
}

function tick(step, share) {
  return h("span", { style: `left: ${100 * share}%` }, some(step));
}

/** The steps to name and where along the scrubber: both ends, powers of ten, and what is between where there is room. */
function named(history, wide) {
  if (!history.last) return [[history.steps[0], 0]];
  const most = history.steps[history.last];
  const decades = Array.from({ length: Math.floor(Math.log10(most || 1)) + 1 }, (_, power) => 10 ** power);
  const found = [];
  for (const step of [0, most, ...decades, ...decades.flatMap((each) => [5 * each, 2 * each])]) {
    const share = history.place(step) / history.last;
    const free = found.every(([, other]) => Math.abs(other - share) * wide > ROOM);
    if (step >= history.steps[0] && step <= most && free) found.push([step, share]);
  }
  return found;
}
