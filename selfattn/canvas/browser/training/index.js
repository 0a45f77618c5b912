// @ts-check
// Attention learning to look: every head's map from random weights to trained, and its patterns over the steps.

import { h, write } from "../shared/dom.js";
import { Room } from "../shared/room.js";
import { saver } from "../shared/saving/saver.js";
import { curves } from "./curves.js";
import { maps } from "./maps.js";
import { History } from "./numbers.js";
import { numbers } from "./table.js";
import { time } from "./time.js";
import { named, sentence, stepOf } from "./words.js";

// Milliseconds that a recorded step stays while it plays.
const PACE = 150;
// Milliseconds without a movement until Python hears of it.
const SETTLED = 400;

export default class Learning extends Room {
  /** @type {History | null} */
  history = null;
  text = 0;
  lead = 0;
  layer = 0;
  head = 0;
  at = 0;
  /** @type {{ query: number, key: number } | null} */
  pinned = null;
  /** @type {{ query: number, key: number } | null} */
  pointed = null;
  /** Where the playing began, and when; null while it stands. @type {{ from: number, began: number | null } | null} */
  playing = null;
  /** Whether the reader chose a head. */
  chosen = false;

  constructor(root) {
    super(root, "history");
    this.said = h("p", { class: "said", role: "status" });
    this.parts = [time(this), maps(this), curves(this), numbers(this)];
    const [top, looks, below, foot] = this.parts.map((part) => part.element);
    const files = saver(this, () => this.#saved([looks, below]));
    root.append(top, h("div", { class: "telling" }, this.said, files.element), looks, below, foot);
  }

  /** While a run goes on, Python sends what it has every second, new or not. */
  knows(payload) {
    const before = this.payload;
    return before?.length === payload.length && before.every((byte, place) => byte === payload[place]);
  }

  /** A payload: the first, or a longer one, which leaves the reader where he stands unless that is the end. */
  open(about) {
    super.open(about);
    const before = this.history;
    const history = new History(about);
    this.history = history;
    if (!before || !history.has(this)) Object.assign(this, { text: 0, lead: 0, pinned: null, chosen: false });
    // Until the reader chooses a head, it is the one that does most by now.
    if (!this.chosen) Object.assign(this, history.telling());
    if (!before) this.at = history.recorded(about.view.step);
    else if (this.at === before.last) this.at = history.last;
    else this.at = Math.max(0, history.steps.indexOf(before.steps[this.at]));
  }

  /** Tell where the reader stands, once the hand rests: the end is no step of its own, for a run goes on. */
  stand() {
    this.rested(SETTLED, () => {
      const { steps, last } = this.history;
      this.keep("view", { step: this.at === last ? null : steps[this.at] });
    });
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
    this.stand();
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
    if (this.playing) this.stand();
    this.playing = this.playing ? null : { from, began: null };
    this.moving = false;
    this.refresh();
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

  /** Let go of the cell. */
  release() {
    this.pin(null);
  }

  update(now) {
    if (!this.playing) return;
    this.playing.began ??= now;
    this.at = this.playing.from + Math.floor((now - this.playing.began) / PACE);
    if (this.at < this.history.last) return this.refresh();
    this.at = this.history.last;
    this.playing = null;
    this.stand();
  }

  #saved(parts) {
    const { history, text, layer, head, at } = this;
    const said = ["learning", stepOf(history, at), named(this), `“${history.texts[text]}”`];
    return { view: `step-${history.steps[at]}`, head: `L${layer}H${head}`, parts, said };
  }

  draw(now) {
    for (const part of this.parts) part.draw(now);
    // While it plays, nobody could follow the sentence: it is spoken where it stops.
    this.said.ariaLive = this.playing ? "off" : "polite";
    write(this.said, sentence(this));
    this.root.dataset.step = String(this.history.steps[this.at]);
  }
}
