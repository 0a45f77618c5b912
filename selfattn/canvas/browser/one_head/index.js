// One head, live: the entry of the component. Python sends a head's numbers; all that concerns this head runs here.

import { Head } from "../shared/attend.js";
import { cell, sentence } from "./cell.js";
import { controls, inModel, toolbar } from "./controls.js";
import { h, write } from "../shared/dom.js";
import { gauges } from "./gauges.js";
import { LongHead } from "./long_head.js";
import { unpack } from "../shared/payload.js";
import { says } from "./says.js";
import { Scope } from "../shared/scope.js";
import { stages } from "./stages.js";
import { tokens } from "./tokens.js";

// Pictures that are not the first one are fetched when they are asked for.
const PICTURES = {
  image: { name: "Picture", load: async () => (await import("./patches.js")).patches },
  sound: { name: "Sound", load: async () => (await import("./frames.js")).frames },
  stages: { name: "Stages" },
  map: { name: "Map", load: async () => (await import("./map/index.js")).map },
  lines: { name: "Lines", load: async () => (await import("./lines.js")).lines },
  table: { name: "Table", load: async () => (await import("./table.js")).table },
};

class Microscope {
  constructor(root, tell) {
    this.root = root;
    this.scope = new Scope(root, tell, (now) => this.draw(now));
    const { scope } = this;
    this.controls = controls(scope);
    const names = Object.fromEntries(Object.entries(PICTURES).map(([show, { name }]) => [show, name]));
    const keep = async (kind) => (await import("./picture.js")).save(scope, this.pictures.stages.host, kind);
    this.parts = [tokens(scope), toolbar(scope, names, keep)];
    this.panels = [cell(scope), gauges(scope), says(scope)];
    this.pictures = { stages: stages(scope) };
    this.picture = h("div", { class: "picture" });
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    root.append(
      ...this.parts.map((part) => part.element),
      this.picture,
      h("div", { class: "panels" }, ...this.panels.map((panel) => panel.element)),
      this.said,
    );
    new ResizeObserver(() => scope.refresh()).observe(root);
    // A property that follows the theme's ink in a millisecond: its transition ends when the theme has changed.
    root.onkeydown = (event) => {
      if (event.key === "Escape") scope.release();
    };
    root.addEventListener("transitionend", (event) => event.target === root && scope.refresh());
  }

  open(about) {
    const { scope } = this;
    // After a lost connection a new session knows only the link: what stands here is newer. It is told with the
    // session's name, and so is news to it even where the browser's link is one answer behind.
    const returned = this.session && about.session !== this.session;
    const fresh = !returned && about.revision !== this.revision;
    Object.assign(this, { session: about.session, revision: about.revision });
    if (returned) scope.report("view", { ...scope.view, session: about.session });
    if (about.id === this.id && !fresh) return;
    const head = about.id === this.id ? scope.head : new (about.long ? LongHead : Head)(about);
    this.id = about.id;
    const { applied, prediction } = about;
    Object.assign(scope, { applied, prediction });
    if (fresh) {
      if (applied) this.controls.reach.draw(applied.reach);
      scope.inModel = applied?.is_view ? inModel(about.view, applied.reach) : null;
    }
    scope.open(head, fresh ? about.view : null);
  }

  draw(now) {
    const { scope } = this;
    const long = Boolean(scope.head.tile);
    const show = scope.head.shown(scope.view.show);
    this.root.classList.toggle("long", long);
    // A picture's patches and a sound's frames are chosen where they are seen.
    this.root.classList.toggle("places", scope.head[show]?.queries ?? false);
    this.root.classList.toggle("words-over-places", scope.head[show]?.queries === false);
    const picture = this.pictures[show] ?? this.#load(show);
    if (picture && this.picture.lastChild !== picture.element) {
      // Over the stages each control stands beside what it changes; over other pictures they stand in a row.
      const { element } = this.controls;
      if (picture.host) picture.host.prepend(element);
      this.picture.replaceChildren(...(picture.host || show === "table" ? [] : [element]), picture.element);
    }
    const [words, bar] = this.parts;
    const [numbers, means, prediction] = this.panels;
    // Of a long text there is the map alone: no row of all its tokens, no matrix to take means of.
    const drawn = long ? [bar, prediction] : [words, bar, numbers, means, prediction];
    for (const part of [...drawn, this.controls, picture]) part?.draw(now);
    // The lines and the map of a long text say what they show by themselves.
    const said = !long && show !== "lines" && (scope.pointed || scope.view.query !== null);
    write(this.said, said ? sentence(scope.head, scope.view, scope.cell) : "");
  }

  #load(show) {
    PICTURES[show].loading ??= PICTURES[show].load();
    PICTURES[show].loading.then((make) => {
      this.pictures[show] ??= make(this.scope);
      this.scope.refresh();
    });
  }
}

const opened = new WeakMap();

// The page that readers turn to next: its scripts are there when they do. It is another component in the same folder.
const soon = window.requestIdleCallback ?? setTimeout;
soon(() => import("../../selfattn.atlas/all_heads/index.js").catch(() => {}));

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  if (!data) return; // mounted while the server starts: the scripts are there before the first head
  const root = parentElement.querySelector(".head");
  const tell = (name, value) => (name === "view" ? setStateValue : setTriggerValue)(name, value);
  if (!opened.has(root)) opened.set(root, new Microscope(root, tell));
  const microscope = opened.get(root);
  microscope.scope.report = tell;
  if (microscope.blob === data) return;
  microscope.blob = data;
  const about = unpack(data);
  microscope.open(about);
  // The numbers on screen, for whoever wants to read them from a script.
  root.scope = microscope.scope;
}
