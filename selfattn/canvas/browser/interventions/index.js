// @ts-check
// Change a model's attention and see what it says then: lines to cut, heads to silence, the prediction, the changes.

import { h, write } from "../shared/dom.js";
import { outcome } from "../shared/prediction.js";
import { Room } from "../shared/room.js";
import { saver } from "../shared/saving/saver.js";
import { changes } from "./changes.js";
import { cuts } from "./cuts.js";
import { silence } from "./silence.js";

// What is for the hand alone is no part of a saved picture.
const SAVED = {
  view: "interventions",
  omit: ".hint, .list button, button.quiet, .side h2 small",
  said: ["interventions"],
};

export default class Experiment extends Room {
  /** What the reader did and Python has not answered yet. */
  pending = [];
  last = 0;

  constructor(root) {
    super(root, "experiment");
    this.parts = [cuts(this), silence(this), outcome(this), changes(this)];
    const [lines, heads, said, list] = this.parts.map((part) => part.element);
    const sides = h(
      "div",
      { class: "sides" },
      h("div", { class: "side" }, heads),
      h("div", { class: "side" }, said, list),
    );
    lines.prepend(saver(this, () => ({ ...SAVED, parts: [lines, sides] })).element);
    this.heard = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    root.append(lines, sides, this.heard);
  }

  open(about) {
    super.open(about);
    this.pending = this.pending.filter(({ at }) => at > about.done);
    write(this.heard, about.heard);
  }

  recall(about, { deeds }) {
    // Deeds are told together until they are answered: some of these may have been heard.
    this.pending = deeds.filter(({ at }) => at > about.done);
    return { edits: about.edits, deeds: this.pending };
  }

  /**
   * Something that the reader does: {act: "silence" | "cut" | "hide" | "remove" | "clear", ...}. With it goes all that is
   * not answered yet, and the edits that it was done to: nothing is lost where clicks are fast.
   */
  act(deed) {
    this.last = Math.max(this.last + 1, Date.now());
    this.pending = [...this.pending, { ...deed, at: this.last }];
    this.root.dataset.pending = String(this.pending.length);
    this.keep("act", { edits: this.about.edits, deeds: this.pending });
    this.refresh();
  }

  draw() {
    for (const part of this.parts) part.draw();
    this.root.dataset.pending = String(this.pending.length);
  }
}
