// @ts-check
// What every room has: an element, the theme's palette, one drawing a frame, and Python, which is told of what rests.

import { paletteOf, rgb } from "./colour.js";
import { unpack } from "./payload.js";

/**
 * What Streamlit hands over: `data` is what Python sent, the two functions tell Python of a state or an event.
 * @typedef {object} Message
 * @property {Uint8Array} data
 * @property {HTMLElement} parentElement
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

/**
 * What each room told last that must not be lost, and whom. Where its page is left in that moment, Streamlit drops it.
 * @type {Map<string, { name: string, value: object, number: number, session: string }>}
 */
const told = new Map();
let count = 0;

/** A picture on the page. A room of its own opens what Python sends, and draws it. */
export class Room {
  /** @type {any} */
  about = null;
  /** @type {Record<string, string>} */
  palette = {};
  /** @type {number | null} */
  frame = null;
  /** Whether the reader drags: nothing fades then. */
  moving = false;
  still = matchMedia("(prefers-reduced-motion: reduce)");
  sequence = 0;
  /** What the picture is of, where it is saved: parts of a name, and of a caption before and after what is seen. */
  source = { name: ["selfattn"], before: [""], after: [""] };
  /** @type {Uint8Array | null} */
  payload = null;
  /** @type {Message | null} */
  #message = null;
  /** @type {Message["data"] | null} */
  #data = null;
  #session = "";
  /** @type {(() => void) | null} */
  #resting = null;
  #timer = 0;
  #sizes = new ResizeObserver(() => this.refresh());

  /**
   * @param {HTMLElement} root
   * @param {string} name of the room in the style sheets
   * @param {string[]} others whose styles it takes over
   */
  constructor(root, name, ...others) {
    this.root = root;
    this.name = name;
    root.classList.add(name, ...others);
    root.onkeydown = (event) => this.key(event);
    // What has changed is told before the reader reaches for something else on the page.
    root.onpointerleave = () => this.flush();
    // The palette follows the theme: a colour of the style sheet changes with it, and says so when it has.
    root.ontransitionend = (event) => event.target === root && this.refresh();
    this.#sizes.observe(root);
    // The numbers on screen, for whoever wants to read them from a script.
    Object.assign(root, { scope: this });
  }

  /**
   * A message from Python: what it holds is opened where it is news.
   * @param {Message} message
   * @param {Uint8Array} payload
   * @param {{ session: string, number: number, source?: Room["source"] }} heard who hears, what they had heard last as
   * this page was opened, and what the picture is of
   */
  hear(message, payload, heard) {
    const last = this.#message ? undefined : told.get(this.name);
    this.#message = message;
    this.#session = heard.session;
    this.source = heard.source ?? this.source;
    if (message.data === this.#data) return;
    this.#data = message.data;
    if (this.knows(payload)) return;
    this.payload = payload;
    const about = unpack(payload);
    // A session that is new knows what the link holds.
    if (last && last.session === heard.session && last.number > heard.number) {
      this.keep(last.name, this.recall(about, last.value));
    }
    this.open(about);
    this.refresh();
  }

  /**
   * Whether a payload is the one that stands here.
   * @param {Uint8Array} payload
   */
  knows(payload) {
    return payload === this.payload;
  }

  /**
   * Take in what a payload says.
   * @param {any} about
   */
  open(about) {
    this.about = about;
  }

  /**
   * Take up again what the reader did as the page was left, and Python has not heard of; returns what is told of it.
   * @param {any} about what is about to be opened
   * @param {any} value
   * @returns {object}
   */
  recall(about, value) {
    about.view = value;
    return value;
  }

  /**
   * Work out what follows from what the reader did, before it is drawn.
   * @param {number} _now
   */
  update(_now) {}

  /**
   * Draw what stands now.
   * @param {number} _now the time of the frame
   */
  draw(_now) {}

  /** The reader lets go of what was chosen. */
  release() {}

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.key === "Escape") this.release();
  }

  /**
   * Tell Python of an event, which is lost where the page is left with it.
   * @param {string} name
   * @param {unknown} value
   */
  tell(name, value) {
    this.#message?.setTriggerValue(name, value);
  }

  /**
   * Tell Python of a state, or of what was done to it: the next opening tells again what was lost.
   * @param {string} name
   * @param {object} value
   */
  keep(name, value) {
    const number = ++count;
    told.set(this.name, { name, value, number, session: this.#session });
    this.#message?.setStateValue(name, { ...value, number });
  }

  /**
   * Do this when the hand has rested for so many milliseconds, or when the reader leaves.
   * @param {number} milliseconds
   * @param {() => void} act
   */
  rested(milliseconds, act) {
    clearTimeout(this.#timer);
    this.#resting = act;
    this.root.dataset.resting = "true";
    this.#timer = setTimeout(() => this.flush(), milliseconds);
  }

  /** Do now what waits for the hand to rest. */
  flush() {
    clearTimeout(this.#timer);
    const act = this.#resting;
    this.#resting = null;
    delete this.root.dataset.resting;
    act?.();
  }

  /** The element is gone from the page. */
  leave() {
    this.flush();
    this.#sizes.disconnect();
    if (this.frame !== null) cancelAnimationFrame(this.frame);
  }

  /** Draw with the next frame, once however often this is called before it. */
  refresh() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      if (!this.about) return;
      const start = performance.now();
      this.palette = paletteOf(this.root);
      const [red, green, blue] = rgb(this.palette.panel);
      this.root.classList.toggle("dark", red + green + blue < 384);
      this.update(now);
      this.draw(now);
      performance.measure(this.name, { start, end: performance.now() });
      Object.assign(this.root.dataset, { ready: "true", seq: ++this.sequence });
    });
  }
}
