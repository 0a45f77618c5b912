// @ts-check
// The grid of heads: one canvas as large as what is in sight, on a stage as large as all; what is scrolled to is drawn.

import { fading, h } from "../shared/dom.js";
import { BAND, cell, GUTTER, layout, numbers, strip } from "./cells.js";
import { most } from "./order.js";

const MARGIN = 2; // of the board around the stage, where the ring of the keyboard's focus has room
const RESTED = 200; // milliseconds without scrolling, after which what is in sight is what is looked at

/** The grid. */
export function grid(scope) {
  const canvas = h("canvas", { tabIndex: 0, role: "application", "aria-roledescription": "grid of heads" });
  const ring = h("div", { class: "ring" });
  const stage = h("div", { class: "stage" }, canvas, ring);
  const element = fading(h("div", { class: "grid" }, stage));
  let [lay, made, top] = [null, null, 1];
  let strips = new Map();

  canvas.onpointermove = (event) => event.pointerType !== "touch" && scope.point(under(event));
  canvas.onclick = (event) => {
    const at = under(event);
    if (at === null) return;
    // A finger cannot hover: its first touch looks, its second opens.
    const seen = event.pointerType !== "touch" || (at.layer === scope.at.layer && at.head === scope.at.head);
    if (seen) scope.choose(at);
    else scope.point(at);
  };
  canvas.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") scope.choose(scope.at);
    else if (!scope.step(event.key)) return;
    event.preventDefault();
  };
  element.addEventListener("scroll", () => {
    draw();
    scope.rested(RESTED, () => scope.look(inSight()));
  });

  /** The layers that are in sight, the first first. */
  function inSight() {
    const { rows, columns } = seen();
    const places = scope.places.slice(...rows).flatMap((row) => row.slice(...columns));
    return [...new Set(places.map(({ layer }) => layer))];
  }

  function under({ offsetX, offsetY }) {
    if (offsetX < GUTTER || offsetY < BAND) return null;
    const column = Math.floor((offsetX + element.scrollLeft - GUTTER) / lay.width);
    const row = Math.floor((offsetY + element.scrollTop - BAND) / lay.height);
    const found = scope.places[row]?.[column];
    return found ? { layer: found.layer, head: found.head } : null;
  }

  // The rows and columns of which something is in sight, from one to before another.
  function seen() {
    const [left, up] = [element.scrollLeft, element.scrollTop];
    const [wide, high] = [parseFloat(canvas.style.width), parseFloat(canvas.style.height)];
    return {
      rows: [Math.floor(up / lay.height), Math.ceil((up + high - BAND) / lay.height)],
      columns: [Math.floor(left / lay.width), Math.ceil((left + wide - GUTTER) / lay.width)],
    };
  }

  function draw() {
    const { about, palette, places, view } = scope;
    lay = layout(about, places, element.clientWidth - 2 * MARGIN, view.order !== "model");
    const full = { width: GUTTER + lay.width * places[0].length + 1, height: BAND + lay.height * places.length };
    for (const side of ["width", "height"]) stage.style[side] = `${full[side]}px`;
    // A picture that is saved is of all heads.
    const whole = scope.root.classList.contains("saving");
    const wide = whole ? full.width : Math.min(full.width, element.clientWidth - 2 * MARGIN);
    const high = whole ? full.height : Math.min(full.height, element.clientHeight - 2 * MARGIN);
    const scrolled = whole ? [0, 0] : [element.scrollLeft, element.scrollTop];
    const looks = JSON.stringify([lay, palette]);
    if (made?.about !== about || made.looks !== looks) strips = new Map();
    const state = JSON.stringify([looks, view, wide, high, scrolled, devicePixelRatio]);
    if (made?.about !== about || made.state !== state) {
      if (made?.about !== about || made.pattern !== view.pattern) top = most(about, view.pattern);
      made = { about, looks, state, pattern: view.pattern };
      paint(wide, high, scrolled);
      canvas.ariaLabel = spoken(about, view);
    }
    surround();
  }

  /** @type {(wide: number, high: number, scrolled: number[]) => void} */
  function paint(wide, high, [left, up]) {
    const { about, palette, places, view } = scope;
    const ratio = devicePixelRatio;
    Object.assign(canvas, { width: Math.round(wide * ratio), height: Math.round(high * ratio) });
    Object.assign(canvas.style, { width: `${wide}px`, height: `${high}px` });
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.font = `11px ${getComputedStyle(canvas).fontFamily}`;
    const { rows, columns } = scope.root.classList.contains("saving")
      ? { rows: [0, places.length], columns: [0, places[0].length] }
      : seen();
    numbers(context, lay, { places, view, palette, rows, columns, left, up });
    context.save();
    if (left || up) {
      context.beginPath();
      context.rect(left ? GUTTER : 0, up ? BAND : 0, wide, high);
      context.clip();
    }
    let drawn = 0;
    for (const [y, row] of places.slice(...rows).entries()) {
      for (const [x, place] of row.slice(...columns).entries()) {
        context.globalAlpha = place.passes ? 1 : 0.13;
        const corner = [GUTTER + (columns[0] + x) * lay.width - left, BAND + (rows[0] + y) * lay.height - up];
        cell(context, corner, place, { strip: stripOf(place.layer), lay, palette, top, view, about });
        drawn++;
      }
    }
    context.restore();
    // How many heads are drawn, and of how many layers pictures are held, for whoever measures.
    Object.assign(canvas.dataset, { drawn, strips: strips.size, side: Math.round(lay.across) });
  }

  function stripOf(layer) {
    if (!strips.has(layer)) strips.set(layer, strip(scope.about, layer, scope.palette, lay.side));
    return strips.get(layer);
  }

  function surround() {
    const { row, column } = placeOf(scope.at);
    const [x, y] = [GUTTER + column * lay.width, BAND + row * lay.height];
    // Where a head is half behind the numbers, so is its ring.
    const hidden = [element.scrollTop + BAND - y, element.scrollLeft + GUTTER - x].map((each) => Math.max(0, each));
    Object.assign(ring.style, {
      transform: `translate(${x}px, ${y}px)`,
      width: `${lay.width}px`,
      height: `${lay.height}px`,
      clipPath: `inset(${hidden[0]}px 0 0 ${hidden[1]}px)`,
    });
  }

  function placeOf(at) {
    const here = ({ layer, head }) => layer === at.layer && head === at.head;
    const row = scope.places.findIndex((each) => each.some(here));
    return { row, column: scope.places[row].findIndex(here) };
  }

  /** Scroll as far as it takes to see the head pointed at; `centred`: to the middle. */
  function reveal(centred = false) {
    const { row, column } = placeOf(scope.at);
    const along = (start, size, seenSize, scroll) => {
      if (centred) return start - (seenSize - size) / 2;
      return Math.min(start, Math.max(scroll, start + size - seenSize));
    };
    const [wide, high] = [element.clientWidth - 2 * MARGIN - GUTTER, element.clientHeight - 2 * MARGIN - BAND];
    element.scrollLeft = along(column * lay.width, lay.width, wide, element.scrollLeft);
    element.scrollTop = along(row * lay.height, lay.height, high, element.scrollTop);
  }

  return { element, draw, reveal, focus: () => canvas.focus({ preventScroll: true }) };
}

function spoken({ planes, shape, layers }, view) {
  const [, heads] = planes.table.shape;
  return (
    `${layers.length} layers of ${heads} heads over ${shape[0]} tokens, marked by ${view.pattern}. ` +
    "Arrow keys move from head to head, Enter opens the head."
  );
}
