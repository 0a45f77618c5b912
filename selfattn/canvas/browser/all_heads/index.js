// @ts-check
// All heads of a model on one canvas: hover or arrow keys enlarge a head, a click or Enter opens it.

import { h, number } from "../shared/dom.js";
import { Room } from "../shared/room.js";
import { saver } from "../shared/saving/saver.js";
import { card } from "./card.js";
import { controls } from "./controls.js";
import { grid } from "./grid.js";
import { arrange, opening, sentence, step } from "./order.js";

export default class Atlas extends Room {
  view = null;
  at = null;
  places = [];

  constructor(root) {
    super(root, "atlas");
    this.grid = grid(this);
    this.parts = [controls(this), this.grid, card(this)];
    this.heard = h("div", { class: "heard", "aria-live": "polite" });
    const [choices, pictures, enlarged] = this.parts.map((part) => part.element);
    this.board = h("div", { class: "board" }, pictures, enlarged);
    choices.append(saver(this, () => this.#saved()).element);
    root.append(choices, this.board, this.heard);
  }

  open(about) {
    super.open(about);
    this.view = opening(about, this.view ?? about.view);
    this.places = arrange(about, this.view);
    this.at = cursor(this, this.at);
  }

  draw() {
    for (const part of this.parts) part.draw();
  }

  /** Change what is marked, ordered or shown; not `done` while the reader drags. */
  set(change, done = true) {
    this.view = Object.freeze({ ...this.view, ...change });
    this.places = arrange(this.about, this.view);
    if (done) this.keep("view", this.view);
    this.refresh();
  }

  point(at) {
    if (at === null || same(at, this.at)) return;
    this.at = at;
    this.refresh();
  }

  #saved() {
    const { pattern, least } = this.view;
    const said = ["all heads", `marked by ${pattern}${least ? ` from ${number(least, 2)}` : ""}`];
    return { view: "all-heads", parts: [this.board], omit: ".open", said };
  }

  /** Go to a head, and mark it. */
  jump(at) {
    this.point(at);
    this.grid.reveal(true);
    this.grid.focus();
    this.heard.textContent = sentence(this.about, at);
  }

  /** These layers are in sight: the first of them that is not there yet is computed next. */
  look(layers) {
    const missing = layers.find((layer) => !this.about.here.includes(layer));
    if (missing !== undefined) this.tell("look", { layer: missing });
  }

  /** The reader wants to see a head by itself. */
  choose(at) {
    this.tell("open", at);
  }

  /** Move by a key; false where it moves nowhere. */
  step(name) {
    const next = step(this.places, this.at, name);
    if (next === null) return false;
    this.point(next);
    this.grid.reveal();
    this.heard.textContent = sentence(this.about, this.at);
    return true;
  }
}

function same(a, b) {
  return b !== null && a.layer === b.layer && a.head === b.head;
}

// Where the reader was; at first the head that has the most of the pattern.
function cursor({ about, view }, at) {
  const [, heads] = about.planes.table.shape;
  if (at && about.layers.includes(at.layer) && at.head < heads) return at;
  const [{ layer, head }] = arrange(about, { ...view, order: "all" })[0];
  return { layer, head };
}
