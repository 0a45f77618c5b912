// @ts-check
// What the map's colours mean: the range from end to end, which cells are hatched, and whether a cell is one cell.

import { h, write } from "../../shared/dom.js";

// The share of the range in the middle of the scale.
const MIDDLE = { linear: 1 / 2, sqrt: 1 / 4, log: 10 ** -1.5 };
const SCALES = { linear: "linear colour", sqrt: "square-root colour", log: "logarithmic colour" };
const RANGES = { row: "each row by itself", head: "this head", all: "one range for all heads" };

/** The line under the map. */
export function legend() {
  const [low, middle, high] = [h("span"), h("span"), h("span")];
  const bar = h("span", { class: "map-scale" });
  const range = h("span");
  const pooled = h("span", { class: "map-pooled" });
  const hatched = h("span", {}, h("span", { class: "map-hatched" }), " may not attend");
  const ramp = h("span", { class: "map-ramp" }, bar, h("span", { class: "map-ticks" }, low, middle, high));
  const element = h("div", { class: "map-legend" }, ramp, range, hatched, pooled);

  /** `pool`: the cells a side that one drawn cell stands for. */
  function draw({ signed, depth, most }, view, stage, pool) {
    bar.classList.toggle("signed", signed);
    const top = typeof most === "number" ? Number(most.toPrecision(3)) : null;
    const ends = top === null ? "row’s largest" : brief(top);
    write(low, signed ? `−${ends}` : "0");
    write(middle, signed ? "0" : top === null ? "" : brief(top * MIDDLE[depth]));
    write(high, ends);
    write(range, `${stage}, ${RANGES[view.range]}, ${SCALES[depth]}`);
    write(pooled, pool === 1 ? "exact" : `pooled ${pool} x ${pool}, ${signed ? "farthest from zero" : "maximum"}`);
    hatched.hidden = stage === "scores" || stage === "scaled";
  }
  return { element, draw };
}

function brief(value) {
  const plain = value >= 0.001 && value < 10000;
  return plain ? String(Number(value.toPrecision(3))) : value.toExponential(0);
}
