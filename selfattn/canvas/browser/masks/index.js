// @ts-check
// Draw a mask. The mask, its reach, its cost and the head's weights are computed here at
// once; what the model says with it is asked of Python when the hand rests.

import { Head, strongest } from "../shared/attend.js";
import { h } from "../shared/dom.js";
import { outcome } from "../shared/prediction.js";
import { Room } from "../shared/room.js";
import { saver } from "../shared/saving/saver.js";
import { controls } from "./controls.js";
import { Drawing } from "./drawing.js";
import { grids } from "./grids.js";
import { deepest, firstLayers } from "./reach.js";
import { costs, heard, table } from "./says.js";

const SETTLED = 250; // milliseconds after the last change until the model is asked

export default class Mask extends Room {
  /** @type {Head | null} */
  head = null;
  /** @type {Drawing | null} */
  drawing = null;
  /** The tokens, which of them are no padding, and the model's own mask. */
  count = 0;
  real = new Uint8Array();
  own = new Uint8Array();
  /** What model and drawing allow, the layer at which each is heard first, and the last of those. */
  allowed = new Uint8Array();
  first = new Uint8Array();
  deepest = 0;
  pinned = { row: 0, column: 0 };
  /** @type {{ row: number, column: number } | null} */
  pointed = null;
  /** Layers after which the reach is shown. */
  after = 1;
  revision = null;
  version = 0;
  opened = 0;
  last = 0;

  constructor(root) {
    super(root, "mask");
    const [making, who, says] = [controls(this), heard(this), outcome(this)];
    const [squares, price, numbers] = [grids(this), costs(this), table(this)];
    this.parts = [making, who, says, squares, price, numbers];
    making.field.parentElement.append(saver(this, () => this.#saved(squares.element)).element);
    const side = h("div", { class: "side" }, making.element, who.element);
    root.append(h("div", { class: "above" }, side, says.element), squares.element, price.element, numbers.element);
  }

  key(event) {
    if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.target.tagName === "INPUT") return;
    event.preventDefault();
    this.change(() => this.drawing.undo());
  }

  get cell() {
    return this.pointed ?? this.pinned;
  }

  open(about) {
    super.open(about);
    const { planes, queries } = about;
    this.opened++;
    this.head = new Head(about);
    this.count = queries.length;
    this.real = planes.real_keys;
    this.own = planes.keep;
    const known = this.drawing && this.revision === about.revision && this.drawing.count === this.count;
    if (!known) this.after = about.after;
    const expression = known ? this.drawing.expression : about.expression;
    const past = this.drawing?.past ?? [];
    this.drawing = new Drawing(this.count, this.own, this.real, expression);
    if (known) this.drawing.past = past;
    const chosen = known && Math.max(this.pinned.row, this.pinned.column) < this.count;
    this.revision = about.revision;
    this.root.dataset.pending = this.last > about.done ? "1" : "0";
    this.compute();
    if (chosen) return;
    // A token far enough into the text to have been reached from several sides, and what it attends to most.
    const row = Math.floor((2 * this.count) / 3);
    this.pinned = { row, column: strongest(this.head, row) };
  }

  recall(about, value) {
    this.last = value.at;
    about.expression = value.expression;
    about.after = value.after;
    return value;
  }

  compute() {
    this.version++;
    this.allowed = this.drawing.allowed;
    this.first = firstLayers(this.allowed, this.count);
    this.deepest = deepest(this.first);
    // The mask of the payload is the model's own: here it is and-ed with what is drawn.
    this.head.own.keep = this.allowed;
    this.head.masked = "";
    this.head.compute(this.about.unchanged);
    this.refresh();
  }

  /** Something that the reader does to the mask or to the layers; `done()` false where nothing came of it. */
  change(done) {
    if (done() === false) return;
    this.compute();
    this.settle();
  }

  setAfter(layers) {
    this.after = layers;
    this.refresh();
    this.settle();
  }

  settle() {
    this.root.dataset.pending = "1";
    this.rested(SETTLED, () => {
      this.last = Math.max(this.last + 1, Date.now());
      this.keep("draw", { expression: this.drawing.expression, after: this.after, at: this.last });
    });
  }

  point(cell) {
    this.pointed = cell;
    this.refresh();
  }

  pin(cell) {
    this.pinned = cell;
    this.pointed = null;
    this.refresh();
  }

  #saved(squares) {
    const { after, drawing, about } = this;
    const said = [
      "masks",
      `mask ${drawing.expression} in ${about.where}`,
      `after ${after} ${after === 1 ? "layer" : "layers"}`,
    ];
    return { view: "masks", parts: [squares], omit: ".drawn .note, button", said };
  }

  draw() {
    for (const part of this.parts) part.draw();
  }
}
