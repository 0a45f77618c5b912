// @ts-check
// The three squares: who may attend to whom, who has heard from whom after n layers, and the head's weights under it.

import { DEPTHS, pixel, sequential } from "../shared/colour.js";
import { slider } from "../shared/controls.js";
import { h, number, write } from "../shared/dom.js";
import { mention } from "../shared/sortable.js";
import { grid } from "./grid.js";
import { NEVER } from "./reach.js";

const OWN = " Blank: the model’s own mask, which stays.";
const KEYS = "Arrow keys move, space hides or shows; left of the cells and above them it takes a whole row or column.";
const BEAT = 700; // milliseconds a layer while they are played

/** The squares in a row. */
export function grids(scope) {
  const all = [drawn(scope), reach(scope), weights(scope)];
  const element = h("div", { class: "grids" }, ...all.map((each) => each.element));
  function draw() {
    for (const each of all) each.draw();
  }
  return { element, draw };
}

const colours = {};
// A table of 256 pixels from the panel to a colour of the palette.
function ramp(palette, name) {
  if (colours[name]?.palette !== palette[name] + palette.panel) {
    colours[name] = { palette: palette[name] + palette.panel, table: sequential(palette, palette[name]) };
  }
  return colours[name].table;
}

const quoted = (name) => `“${mention(name ?? "")}”`;

function drawn(scope) {
  let [keep, last] = [null, null]; // what the stroke paints, and where it was last
  const cells = (row, column, to) => {
    // A fast hand skips cells: all on the way from one to the next belong to the stroke.
    const steps = Math.max(Math.abs(row - to[0]), Math.abs(column - to[1]), 1);
    return Array.from({ length: steps + 1 }, (_, step) => {
      const [i, j] = [row, column].map((from, axis) => Math.round(from + ((to[axis] - from) * step) / steps));
      return i * scope.count + j;
    });
  };
  function line(row, column) {
    const { count } = scope;
    if (row < 0 && column < 0) return;
    const cell = (place) => (column < 0 ? row * count + place : place * count + column);
    const whole = Array.from({ length: count }, (_, place) => cell(place));
    const open = whole.some((cell) => scope.allowed[cell]);
    scope.change(() => scope.drawing.paint(whole, open ? 0 : 1));
  }
  function press(row, column) {
    if (!scope.about.painted) return;
    [keep, last] = [scope.allowed[row * scope.count + column] ? 0 : 1, [row, column]];
    scope.change(() => scope.drawing.paint(cells(row, column, last), keep));
  }
  const hands = {
    press,
    drag(row, column) {
      if (keep === null || (row === last[0] && column === last[1])) return;
      scope.change(() => scope.drawing.paint(cells(row, column, last), keep, true));
      last = [row, column];
    },
    lift() {
      keep = null;
    },
    name: ({ row, column }) => scope.about.painted && line(row, column),
    key(event) {
      const { row, column } = scope.pinned;
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!scope.about.painted) return;
      if (row < 0 || column < 0) line(row, column);
      else press(row, column);
      keep = null;
    },
  };
  const square = grid(scope, "drawn", "Mask", look, hands);
  const hint = h("p", { class: "note" });
  square.tools.append(hint);

  function look() {
    const { palette, allowed, own, about, count, version } = scope;
    const open = ramp(palette, "quiet")[170];
    const shut = pixel(palette.paper);
    const pairs = allowed.reduce((sum, each) => sum + each, 0);
    const closed = own.some((each) => !each);
    const how = `Drag hides, or shows again. A name takes its whole row or column.${closed ? OWN : ""}`;
    write(hint, about.painted ? how : `${count} ${about.unit} are too many to paint: write the mask above.`);
    return {
      version,
      pixel: (c) => (allowed[c] ? open : own[c] ? 0 : shut),
      said: `${pairs} of ${count ** 2} pairs`,
      label: `Mask: ${pairs} of ${count ** 2} pairs may attend. ${KEYS}`,
    };
  }
  return square;
}

function reach(scope) {
  const square = grid(scope, "reach", "Heard from", look);
  const layers = slider("after", (value) => {
    stop();
    scope.setAfter(value);
  });
  layers.input.ariaLabel = "Layers";
  const play = h("button", { type: "button", class: "quiet play", onclick: () => (timer ? stop() : start()) });
  square.tools.append(layers.element, play);
  let timer = null;

  function start() {
    scope.setAfter(0);
    timer = setInterval(() => {
      scope.setAfter(scope.after + 1);
      if (scope.after >= most()) stop();
    }, BEAT);
    scope.refresh();
  }
  function stop() {
    clearInterval(timer);
    timer = null;
    scope.refresh();
  }
  // As far as something is still heard, and at least through the model and once more.
  const most = () => Math.max(2 * scope.about.layers, scope.deepest, 4);

  function look() {
    const { palette, first, after, about, count, version } = scope;
    const table = ramp(palette, "value");
    // From dark to light, the sooner the darker; itself the darkest.
    const shade = (layer) => (layer === 0 ? 255 : Math.round(235 - (175 * (layer - 1)) / Math.max(after - 1, 1)));
    const [nothing, blank] = [0, pixel(palette.panel)];
    const heard = first.reduce((sum, layer) => sum + (layer <= after), 0);
    const own = after === about.layers ? ", as the model" : "";
    layers.draw(
      Math.min(after, most()),
      { min: 0, max: most(), step: 1 },
      `${after} ${after === 1 ? "layer" : "layers"}${own}`,
    );
    write(play, timer ? "■ Stop" : "▶ Play");
    const colour = (layer) => (shade(layer) > 128 ? palette.panel : palette.ink);
    return {
      version: `${version} ${after}`,
      pixel: (c) => (first[c] === NEVER ? nothing : first[c] > after ? blank : table[shade(first[c])]),
      digit: (c) => (first[c] > after ? { text: "" } : { text: String(first[c]), colour: colour(first[c]) }),
      said: `${heard} of ${count ** 2} pairs; hatched: never`,
      label: `Heard from after ${after} layers: ${heard} of ${count ** 2} pairs; a number is the first layer that hears.`,
    };
  }
  return square;
}

function weights(scope) {
  const square = grid(scope, "weights", "Weights", look);
  const note = h("p", { class: "note" });
  square.tools.append(note);

  function look() {
    const { palette, head, allowed, about, count, version, cell } = scope;
    const table = ramp(palette, "weights");
    const at = cell.row * count + cell.column;
    const [row, column] = [about.queries[cell.row], about.keys[cell.column]].map(quoted);
    const share = `${row} → ${column}: ${number(head.weights[at])}, even ${number(1 / head.allowed[cell.row])}`;
    const inside = cell.row >= 0 && cell.column >= 0;
    const said = !inside ? "" : allowed[at] ? share : `${row} may not attend to ${column}`;
    write(note, said);
    return {
      version: `${version} ${scope.opened}`,
      pixel: (c) => (allowed[c] ? table[Math.round(255 * DEPTHS.sqrt(Math.min(head.weights[c], 1)))] : 0),
      said: `layer ${about.layer}, head ${about.number}, this mask alone`,
      label: `Weights of layer ${about.layer}, head ${about.number}, with this mask alone. ${said}`,
    };
  }
  return square;
}
