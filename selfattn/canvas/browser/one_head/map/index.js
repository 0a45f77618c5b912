// @ts-check
// One matrix, large: pan and zoom from all of it down to a single cell. A long text is an overview first, then exact.

import { diverging, sequential } from "../../shared/colour.js";
import { canvas, h, number, write } from "../../shared/dom.js";
import { extent } from "../../shared/extent.js";
import { hatching } from "../../shared/matrix.js";
import { axes } from "./axes.js";
import { Camera, sharp } from "./camera.js";
import { steer } from "./input.js";
import { Layer, sheet } from "./layer.js";
import { legend } from "./legend.js";
import { Tiles } from "./tiles.js";

const MORPH = 300;
// Pixels of a cell from which lines part it from its neighbours, and of the plan of the whole.
const GRID = 9;
const PLAN = 84;
const NAMES = { scores: "score", scaled: "scaled", logits: "logit", weights: "weight" };
const STILL = matchMedia("(prefers-reduced-motion: reduce)");

/** The map of `scope.head`: its stage `scope.view.stage`, or the weights of a `LongHead`. */
export function map(scope) {
  const made = new MatrixMap(scope);
  return { element: made.element, draw: () => made.draw() };
}

class MatrixMap {
  camera = new Camera();
  /** The stage shown, the one that it fades from, and when that began. */
  layer = new Layer();
  former = new Layer();
  /** @type {number | null} */
  began = null;
  scratch = sheet(1, 1);
  /** The layer that was drawn last. */
  drawn = this.layer;
  /** The exact weights of a long text. @type {Tiles | null} */
  tiles = null;
  /** What is drawn: a head under a view, its stage, and the palette as text. @type {any} */
  head = null;
  /** @type {any} */
  view = null;
  stage = "weights";
  key = "";
  /** How it is coloured. @type {import("./tiles.js").Look} */
  look;
  /** @type {CanvasPattern} */
  hatch;
  /** What stands around the plot. */
  margin = { left: 0, top: 0, right: 0, bottom: 0 };
  /** Whether what is seen is single cells. */
  exact = false;
  /** @type {number | null} */
  frame = null;

  /** @param {any} scope */
  constructor(scope) {
    this.scope = scope;
    this.canvas = canvas({ class: "map-canvas", tabIndex: 0, role: "application" }, () => this.refresh());
    this.canvas.setAttribute("aria-roledescription", "map");
    const button = (text, name, onclick) =>
      h("button", { type: "button", "aria-label": name, title: name, onclick }, text);
    this.position = h("span", { class: "map-position" });
    this.said = h("span", { class: "map-cell" });
    this.legend = legend();
    const { magnify } = steer(this.canvas, this.camera, scope, {
      plot: (event) => this.#plot(event),
      step: () => (scope.head.tile && !this.exact ? this.drawn.pooling(this.camera.cell * devicePixelRatio) : 1),
      refresh: () => this.refresh(),
    });
    const fit = () => {
      this.camera.fit();
      this.refresh();
    };
    this.element = h(
      "section",
      { class: "map" },
      h(
        "div",
        { class: "map-bar" },
        button("+", "Zoom in (+)", () => magnify(1)),
        button("−", "Zoom out (-)", () => magnify(-1)),
        button("All", "Show all (0)", fit),
        this.position,
        this.said,
      ),
      h("div", { class: "map-stage" }, this.canvas),
      this.legend.element,
    );
  }

  /** Draw with the next frame. */
  refresh() {
    this.frame ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = null;
    const { scope } = this;
    const { width, height } = this.canvas.box;
    if (!width || !height || !scope.head || !scope.palette) return;
    const start = performance.now();
    this.#take();
    this.#resize(width, height);
    const pending = this.#paint(start);
    this.#write();
    if (pending) this.refresh();
    performance.clearMeasures("map"); // one entry is kept, not one for every frame of a day
    performance.measure("map", { start, end: performance.now() });
  }

  // New numbers or colours. The view and the head are new objects whenever they say something new.
  #take() {
    const { head, view, palette } = this.scope;
    const key = Object.values(palette).join();
    if (this.head === head && this.view === view && this.key === key) return;
    const stage = head.tile || !head[view.stage] ? "weights" : view.stage;
    this.began = null;
    if (this.head === head && this.stage !== stage && !this.scope.moving && !STILL.matches) {
      [this.layer, this.former] = [this.former, this.layer];
      this.began = performance.now();
    }
    if (this.head !== head) this.tiles = head.tile ? new Tiles(head) : null;
    if (this.key !== key) this.hatch = hatching(this.canvas.getContext("2d"), palette);
    // The pattern is made of the device's pixels already.
    this.hatch.setTransform(new DOMMatrix().scale(1 / devicePixelRatio));
    this.head = head;
    this.view = view;
    this.key = key;
    this.stage = stage;
    this.#colour();
  }

  #colour() {
    const { head, view, stage, scope } = this;
    const signed = stage !== "weights";
    const table = (signed ? diverging(scope.palette, "weights") : sequential(scope.palette)).slice();
    table[0] = 0;
    const most = head.tile ? longExtent(head, view) : shortExtent(head, view, stage);
    const colouring = { signed, depth: view.colour, most };
    this.look = { colouring, table };
    if (head.tile) {
      const { values, keep, shape, pool } = head.overview;
      const pooled = { ...colouring, most: typeof most === "number" ? most : pooledPeaks(most, pool) };
      this.layer.fill({ values, shape, pool, table, colouring: pooled, missing: (c) => !keep[c] });
    } else {
      const missing = isMasked(stage) ? (c) => !head.keep[c] : () => false;
      this.layer.fill({ values: head[stage], shape: head.shape, pool: 1, table, colouring, missing });
    }
  }

  #resize(width, height) {
    const ratio = devicePixelRatio;
    const pixels = { width: Math.round(width * ratio), height: Math.round(height * ratio) };
    if (this.canvas.width !== pixels.width || this.canvas.height !== pixels.height) Object.assign(this.canvas, pixels);
    const margin = { left: Math.round(Math.min(104, width * 0.2)), top: 8, right: 14, bottom: 80 };
    this.margin = margin;
    this.camera.resize(this.head.shape, width - margin.left - margin.right, height - margin.top - margin.bottom);
    this.element.style.setProperty("--plot", `${margin.left + Math.max(this.camera.left, 0)}px`);
  }

  // True where another frame is needed: tiles that are not there yet, or a change of stage that is not over.
  #paint(now) {
    const { camera, margin, tiles, scope } = this;
    const pixel = camera.cell * devicePixelRatio;
    const near = pixel >= 1 - 1e-9;
    const done = tiles && near ? tiles.work(camera, this.look) : true;
    this.exact = tiles ? near && done : near;
    const context = this.canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.fillStyle = scope.palette.panel;
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    context.translate(margin.left, margin.top);
    context.save();
    const area = this.#area();
    context.beginPath();
    context.rect(...area);
    context.clip();
    const share = this.began === null ? 1 : Math.min((now - this.began) / MORPH, 1);
    if (share >= 1) this.began = null;
    if (this.began !== null) this.#fade(context, share * share * (3 - 2 * share), area);
    else this.#cells(context, this.layer, area);
    if (tiles && near) tiles.draw(context, camera);
    if (camera.cell >= GRID) this.#grid(context);
    this.#light(context);
    context.restore();
    this.#border(context, area);
    axes(context, camera, this.head, scope.cell, scope.palette, margin);
    if (!camera.whole) this.#plan(context);
    return !done || this.began !== null;
  }

  /**
   * The part of the plot that the matrix fills.
   * @returns {[x: number, y: number, width: number, height: number]}
   */
  #area() {
    const { camera } = this;
    const [n, m] = camera.shape;
    const [left, top] = [Math.max(camera.left, 0), Math.max(camera.top, 0)];
    const right = Math.min(sharp(camera.left + m * camera.cell), camera.width);
    const bottom = Math.min(sharp(camera.top + n * camera.cell), camera.height);
    return [left, top, right - left, bottom - top];
  }

  #cells(context, layer, area) {
    this.drawn = layer;
    context.fillStyle = this.hatch;
    context.fillRect(...area);
    layer.draw(context, this.camera);
  }

  // From the colours of the former stage to those of this one.
  #fade(context, share, area) {
    const { scratch, canvas } = this;
    this.#cells(context, this.former, area);
    if (scratch.width !== canvas.width || scratch.height !== canvas.height) {
      Object.assign(scratch, { width: canvas.width, height: canvas.height });
    }
    const brush = scratch.getContext("2d");
    brush.setTransform(context.getTransform());
    this.#cells(brush, this.layer, area);
    context.save();
    context.globalAlpha = share;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.drawImage(scratch, 0, 0);
    context.restore();
  }

  #grid(context) {
    const { camera } = this;
    const { i0, i1, j0, j1 } = camera.seen;
    context.fillStyle = this.scope.palette.panel;
    context.globalAlpha = 0.7;
    const thin = 1 / devicePixelRatio;
    for (let i = i0; i <= i1; i++) context.fillRect(0, sharp(camera.top + i * camera.cell), camera.width, thin);
    for (let j = j0; j <= j1; j++) context.fillRect(sharp(camera.left + j * camera.cell), 0, thin, camera.height);
    context.globalAlpha = 1;
  }

  // The row in the query's colour, the column in the key's, and the cell where they meet.
  #light(context) {
    const { camera, scope } = this;
    const { query = null, key = null } = scope.cell ?? {};
    const size = Math.max(camera.cell, 1);
    const [x, y] = [sharp(camera.left + key * camera.cell), sharp(camera.top + query * camera.cell)];
    // Lines along both sides of a row; one line where both would hide it.
    const sides = size < 5 ? [sharp(size / 2)] : [-1, size];
    context.fillStyle = scope.palette.query;
    if (query !== null) for (const side of sides) context.fillRect(0, y + side, camera.width, 1);
    context.fillStyle = scope.palette.key;
    if (key !== null) for (const side of sides) context.fillRect(x + side, 0, 1, camera.height);
    if (query === null || key === null) return;
    const box = Math.max(size, 5);
    const [left, top] = [x + (size - box) / 2 - 1, y + (size - box) / 2 - 1];
    for (const [colour, width] of [
      [scope.palette.panel, 4],
      [scope.palette.ink, 2],
    ]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.strokeRect(left, top, box + 2, box + 2);
    }
  }

  #border(context, [x, y, width, height]) {
    context.strokeStyle = this.scope.palette.weights;
    context.lineWidth = 1.5;
    context.strokeRect(x - 0.75, y - 0.75, width + 1.5, height + 1.5);
  }

  // Where on the whole the part lies that is seen.
  #plan(context) {
    const { camera, scope } = this;
    const [n, m] = camera.shape;
    const scale = PLAN / Math.max(n, m);
    const [x, y] = [camera.width - m * scale - 8, 8];
    context.fillStyle = this.hatch;
    context.fillRect(x, y, m * scale, n * scale);
    context.drawImage(this.layer.plan(PLAN * devicePixelRatio), x, y, m * scale, n * scale);
    context.lineWidth = 1;
    context.strokeStyle = scope.palette.quiet;
    context.strokeRect(x - 0.5, y - 0.5, m * scale + 1, n * scale + 1);
    const { i0, i1, j0, j1 } = camera.seen;
    context.strokeStyle = scope.palette.ink;
    context.lineWidth = 2;
    context.strokeRect(x + j0 * scale, y + i0 * scale, Math.max((j1 - j0) * scale, 2), Math.max((i1 - i0) * scale, 2));
  }

  #plot(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left - this.margin.left, event.clientY - box.top - this.margin.top];
  }

  #write() {
    const { head, stage, scope, camera, element } = this;
    element.dataset.exact = String(this.exact);
    this.canvas.style.touchAction = camera.whole ? "pan-y" : "none";
    const label = `${stage}, ${head.shape.join(" × ")}: rows attend from, columns are attended to. `;
    const keys = "Arrow keys move the cell, with Shift the map; plus and minus zoom, 0 shows all, Enter pins.";
    if (this.canvas.ariaLabel !== label + keys) this.canvas.ariaLabel = label + keys;
    write(this.position, position(camera));
    const { query = null, key = null } = scope.cell ?? {};
    const known = query !== null && key !== null && query < head.shape[0] && key < head.shape[1];
    const parts = known ? [head.queries[query], " → ", head.keys[key], `  ${this.#value(query, key)}`] : [];
    if (this.said.textContent !== parts.join("")) {
      const marks = ["q", "", "k", "w"];
      this.said.replaceChildren(...parts.map((text, place) => h("bdi", { class: marks[place] }, text)));
    }
    // An exact tile is a picture of single cells; before it there is the overview.
    const pool = this.exact ? 1 : this.layer.pooling(camera.cell * devicePixelRatio);
    this.legend.draw(this.look.colouring, this.view, stage, pool);
  }

  #value(query, key) {
    const { head, stage } = this;
    const place = query * head.shape[1] + key;
    const masked = head.tile ? !head.allows(query, key) : isMasked(stage) && !head.keep[place];
    if (masked) return "masked";
    const [value] = head.tile ? head.tile(query, query + 1, key, key + 1) : [head[stage][place]];
    const small = stage === "weights" && value > 0 && value < 1e-4;
    return `${NAMES[stage]} ${small ? value.toExponential(1) : number(value, stage === "weights" ? 4 : 3)}`;
  }
}

function shortExtent(head, view, stage) {
  const keep = isMasked(stage) ? head.keep : null;
  return extent(head, view, stage, { values: head[stage], shape: head.shape, keep });
}

/** Does the mask already show in this stage? */
function isMasked(stage) {
  return stage === "logits" || stage === "weights";
}

// What the deepest colour stands for, from the largest weight of each row.
function longExtent(head, { range }) {
  if (range === "all") return 1;
  const peaks = Float64Array.from({ length: head.shape[0] }, (_, i) => head.peak(i));
  return range === "row" ? peaks : peaks.reduce((a, b) => Math.max(a, b), 0) || 1;
}

function pooledPeaks(peaks, pool) {
  const rows = new Float64Array(Math.ceil(peaks.length / pool));
  peaks.forEach((peak, i) => {
    const row = Math.floor(i / pool);
    rows[row] = Math.max(rows[row], peak);
  });
  return rows;
}

/** @param {Camera} camera */
function position({ shape: [n, m], seen: { i0, i1, j0, j1 } }) {
  const count = (places) => places.toLocaleString("en");
  const part = (first, end) => `${count(first)} to ${count(end - 1)}`;
  if (i1 - i0 === n && j1 - j0 === m) return `all ${count(n)} × ${count(m)} cells`;
  if (n === m && i0 === j0 && i1 === j1) return `tokens ${part(i0, i1)} of ${count(n)}`;
  const rows = n === m ? part(i0, i1) : `${part(i0, i1)} of ${count(n)}`;
  return `rows ${rows}, columns ${part(j0, j1)} of ${count(m)}`;
}
