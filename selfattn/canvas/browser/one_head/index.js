// @ts-check
// One head, live. Python sends a head's numbers; all that concerns this head runs here.

import { Head } from "../shared/attend.js";
import { h, write } from "../shared/dom.js";
import { saver } from "../shared/saving/saver.js";
import { Scope } from "../shared/scope.js";
import { cell, sentence } from "./cell.js";
import { controls, toolbar } from "./controls.js";
import { gauges } from "./gauges.js";
import { LongHead } from "./long_head.js";
import { says } from "./says.js";
import { settings } from "./settings.js";
import { stages } from "./stages.js";
import { tokens } from "./tokens.js";

// Pictures that are not the first one are fetched when they are asked for; `uses` are the controls that serve each, and
// `omit` what is no part of a saved one.
const PICTURES = {
  image: { name: "Picture", file: "patches.js", part: "patches", uses: ["range", "colour"] },
  sound: { name: "Sound", file: "frames.js", part: "frames", uses: [] },
  stages: { name: "Stages", uses: ["range", "colour"], omit: ".controls" },
  map: { name: "Map", file: "map/index.js", part: "map", uses: ["stage", "range", "colour"], omit: ".map-bar" },
  lines: {
    name: "Lines",
    file: "lines.js",
    part: "lines",
    uses: ["threshold", "words", "segments"],
    omit: ".lines-said",
  },
  table: { name: "Table", file: "table.js", part: "table", uses: [] },
};
// Browsers may remember that an address failed: it is asked for by another one then.
let lost = 0;

async function fetched(file) {
  try {
    return await import(`./${file}${lost ? `?again=${lost}` : ""}`);
  } catch (error) {
    lost++;
    throw error;
  }
}

export default class Microscope extends Scope {
  id = null;
  session = null;
  revision = null;
  prediction = null;
  /** The picture that is on its way, and the one that did not arrive under which view. */
  fetching = null;
  missing = null;

  constructor(root) {
    super(root, "head");
    this.controls = controls(this);
    const { element: files } = saver(this, () => this.#saved());
    this.parts = [tokens(this), toolbar(this, PICTURES, files)];
    this.panels = [cell(this), gauges(this), says(this)];
    this.pictures = { stages: stages(this) };
    this.picture = h("div", { class: "picture" });
    this.said = h("div", { class: "heard", role: "status", "aria-live": "polite" });
    root.append(
      ...this.parts.map((part) => part.element),
      this.picture,
      h("div", { class: "panels" }, ...this.panels.map((panel) => panel.element)),
      this.said,
    );
  }

  open(about) {
    super.open(about);
    // After a lost connection a new session knows only the link: what stands here is newer.
    const returned = this.session && about.session !== this.session;
    const fresh = !returned && about.revision !== this.revision;
    this.session = about.session;
    this.revision = about.revision;
    if (returned) this.keep("view", this.view);
    if (about.id === this.id && !fresh) return;
    const head = about.id === this.id ? this.head : new (about.long ? LongHead : Head)(about);
    this.id = about.id;
    this.prediction = about.prediction;
    this.show(head, fresh ? about.view : null);
  }

  draw(now) {
    const { head, view } = this;
    const long = Boolean(head.tile);
    const show = head.shown(view.show);
    this.root.classList.toggle("long", long);
    // A picture's patches and a sound's frames are chosen where they are seen, and words above them.
    const places = head[show] ?? {};
    this.root.classList.toggle("places", Boolean(places.queries) && !places.words);
    this.root.classList.toggle("words-over-places", places === head[show] && !places.queries);
    const picture = this.pictures[show];
    if (!picture) this.#fetch(show);
    if (picture && this.picture.lastChild !== picture.element) {
      // Over the stages each control stands beside what it changes; over other pictures they stand in a row.
      const { element } = this.controls;
      if (picture.host) picture.host.prepend(element);
      this.picture.replaceChildren(...(picture.host ? [] : [element]), picture.element);
    }
    const [words, bar] = this.parts;
    const [numbers, means, prediction] = this.panels;
    // Of a long text there is the map alone: no row of all its tokens, no matrix to take means of.
    const drawn = long ? [bar, prediction] : [words, bar, numbers, means, prediction];
    for (const part of [...drawn, this.controls, picture]) part?.draw(now);
    // The lines and the map of a long text say what they show by themselves.
    const said = !long && show !== "lines" && (this.pointed || view.query !== null);
    this.said.classList.toggle("missing", this.missing !== null);
    write(this.said, this.missing?.said ?? (said ? sentence(head, this.cell) : ""));
  }

  /** Fetch a picture. Where it does not arrive the one before it stays, until the reader asks again. */
  async #fetch(show) {
    if (this.fetching || this.missing?.view === this.view) return;
    this.fetching = show;
    const { name, file, part } = PICTURES[show];
    try {
      const module = await fetched(file);
      this.pictures[show] = module[part](this);
      this.missing = null;
    } catch (error) {
      console.error(error);
      this.#miss(`“${name}” did not arrive; choose it again to try again.`);
    } finally {
      this.fetching = null;
    }
    this.refresh();
  }

  /** Say what did not arrive, and let the view be what is seen. */
  #miss(said) {
    const [seen] = Object.entries(this.pictures).find(([, { element }]) => element === this.picture.lastChild) ?? [
      "stages",
    ];
    if (!this.head.tile) this.set({ show: seen });
    this.missing = { said, view: this.view };
  }

  /** What is saved: the picture, and what is set on this head. */
  #saved() {
    const { head, view } = this;
    const show = head.shown(view.show);
    const { name, omit } = PICTURES[show];
    const { host, element } = this.pictures[show];
    const kind = name.toLowerCase();
    return { view: kind, parts: [host ?? element], omit, said: [kind, ...settings(head, view)] };
  }
}
