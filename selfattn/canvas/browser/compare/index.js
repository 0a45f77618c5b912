// Two heads side by side: the entry of the component. Python sends both heads' weights; what they share is found here.

import { cell, sentence } from "./cell.js";
import { heads } from "./heads.js";
import { maps } from "./maps.js";
import { Pair } from "./pair.js";
import { says } from "./says.js";
import { h, write } from "../shared/dom.js";
import { unpack } from "../shared/payload.js";
import { Scope } from "../shared/scope.js";

class Comparison {
  constructor(root) {
    const scope = new Scope(root, null, (now) => this.draw(now));
    Object.assign(this, { root, scope });
    this.parts = [maps(scope), cell(scope), says(scope), heads(scope, (place) => this.tell("open", place))];
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    root.replaceChildren(h("div", { class: "board" }, ...this.parts.map((part) => part.element)), this.said);
    root.onkeydown = (event) => {
      if (event.key === "Escape") scope.release();
    };
    // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
    root.ontransitionend = (event) => {
      if (event.target === root) scope.refresh();
    };
  }

  open(data) {
    const { scope } = this;
    scope.about = unpack(data);
    // The reader's cell is kept here from the first payload on.
    scope.open(new Pair(scope.about), this.data ? null : scope.about.view);
    this.data = data;
  }

  draw(now) {
    const { scope } = this;
    for (const part of this.parts) part.draw(now);
    const said = scope.pointed || scope.view.query !== null;
    write(this.said, said ? sentence(scope.head, scope.cell) : "");
  }
}

const made = new WeakMap();

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".compare");
  if (!made.has(root)) made.set(root, new Comparison(root));
  const comparison = made.get(root);
  comparison.scope.report = setStateValue;
  comparison.tell = setTriggerValue;
  if (comparison.data !== data) comparison.open(data);
  // The numbers on screen, for whoever wants to read them from a script.
  root.scope = comparison.scope;
}
