// Attention learning to look: every head's map from random weights to trained, and its patterns over the steps.

import { paletteOf } from "../shared/colour.js";
import { curves } from "./curves.js";
import { h, write } from "../shared/dom.js";
import { History } from "./numbers.js";
import { maps } from "./maps.js";
import { numbers } from "./table.js";
import { sentence } from "./words.js";
import { time } from "./time.js";
import { unpack } from "../shared/payload.js";

// Milliseconds that a recorded step stays while it plays.
const PACE = 150;

class Learning {
  constructor(root) {
    Object.assign(this, { root, pinned: null, pointed: null, playing: null, moving: false, sequence: 0 });
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.said = h("p", { class: "said", role: "status" });
    this.parts = [time(this), maps(this), curves(this), numbers(this)];
    const [top, looks, below, foot] = this.parts.map((part) => part.element);
    root.replaceChildren(top, this.said, looks, below, foot);
    // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
    root.ontransitionend = (event) => event.target === root && this.refresh();
    root.onkeydown = (event) => {
      if (event.key === "Escape") this.pin(null);
    };
  }

  /** A payload: the first, or a longer one, which leaves the reader where he stands unless that is the end. */
  open(data) {
    const before = this.history;
    const history = new History(unpack(data));
    this.history = history;
    this.data = data;
    if (!before || !history.has(this)) Object.assign(this, { text: 0, lead: 0, pinned: null, chosen: false });
    // Until the reader chooses a head, it is the one that does most by now.
    if (!this.chosen) Object.assign(this, history.telling());
    const ended = !before || this.at === before.last;
    this.at = ended ? history.last : Math.max(0, history.steps.indexOf(before.steps[this.at]));
    this.refresh();
  }

  /** The cell to show: the one pointed at, else the pinned one, else what the last token attends to in the end. */
  get cell() {
    return this.pointed ?? this.pinned ?? this.history.strongest(this);
  }

  /** Stand at a recorded step. `moving` while the reader drags: nothing fades then. */
  go(at, { moving = false } = {}) {
    this.playing = null;
    this.moving = moving;
    this.at = Math.min(Math.max(at, 0), this.history.last);
    this.refresh();
  }

  /** Another head, sentence or pattern to follow. */
  choose(change) {
    Object.assign(this, change);
    this.chosen ||= "layer" in change;
    const [tokens] = this.history.side(this.text);
    if (this.pinned && Math.max(this.pinned.query, this.pinned.key) >= tokens) this.pinned = null;
    this.refresh();
  }

  /** Play from here, from the start where this is the end; or stop. */
  play() {
    const from = this.at === this.history.last ? 0 : this.at;
    this.playing = this.playing ? null : { from, began: null };
    this.moving = false;
    this.refresh();
  }

  point(cell) {
    this.pointed = cell;
    this.refresh();
  }

  pin(cell) {
    [this.pinned, this.pointed] = [cell, null];
    this.refresh();
  }

  /** Draw with the next frame, once however often this is called before it. */
  refresh() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      const start = performance.now();
      this.palette = paletteOf(this.root);
      if (this.playing) this.#advance(now);
      for (const part of this.parts) part.draw(now);
      // While it plays, nobody could follow the sentence: it is spoken where it stops.
      this.said.ariaLive = this.playing ? "off" : "polite";
      write(this.said, sentence(this));
      performance.measure("history", { start, end: performance.now() });
      Object.assign(this.root.dataset, { ready: "true", seq: ++this.sequence, step: this.history.steps[this.at] });
    });
  }

  #advance(now) {
    this.playing.began ??= now;
    this.at = this.playing.from + Math.floor((now - this.playing.began) / PACE);
    if (this.at >= this.history.last) [this.at, this.playing] = [this.history.last, null];
    else this.refresh();
  }
}

// While a run goes on, Python sends what it has every second, new or not.
function same(before, data) {
  return before?.length === data.length && before.every((byte, place) => byte === data[place]);
}

const made = new WeakMap();

/** Streamlit calls this with each payload; the same element keeps where the reader stands. */
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".history");
  if (!made.has(root)) made.set(root, new Learning(root));
  const learning = made.get(root);
  if (!same(learning.data, data)) learning.open(data);
  // What is on screen, for whoever wants to read it from a script.
  root.learning = learning;
}
