// @ts-check
// Two heads side by side. Python sends both heads' weights; what they share is found here.

import { h, write } from "../shared/dom.js";
import { cell, sentence } from "../shared/pair/cell.js";
import { maps } from "../shared/pair/maps.js";
import { Pair } from "../shared/pair/pair.js";
import { saver } from "../shared/saving/saver.js";
import { Scope } from "../shared/scope.js";
import { heads } from "./heads.js";
import { says } from "./says.js";

export default class Comparison extends Scope {
  constructor(root) {
    super(root, "compare");
    this.parts = [maps(this), cell(this), says(this), heads(this, (place) => this.tell("open", place))];
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    const [pictures, ...panels] = this.parts.map((part) => part.element);
    const files = saver(this, () => ({ view: "compare", parts: [pictures], said: this.head.titles.map(named) }));
    root.append(files.element, h("div", { class: "board" }, pictures, ...panels), this.said);
  }

  open(about) {
    // The reader's cell is kept here from the first payload on.
    const first = this.about === null;
    super.open(about);
    this.show(new Pair(about), first ? about.view : null);
  }

  draw(now) {
    for (const part of this.parts) part.draw(now);
    const said = this.pointed || this.view.query !== null;
    write(this.said, said ? sentence(this.head, this.cell) : "");
  }
}

function named(title, place) {
  return `${"AB"[place]}: ${title}`;
}
