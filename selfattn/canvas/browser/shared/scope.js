// What all views of a head share: its numbers, what the reader set and points at, and one drawing a frame.

import { paletteOf } from "./colour.js";

// After the last change, the reader's setting goes to Python: not for every pixel of a drag.
const SETTLED = 300;
export const MORPH = 300;

/** The state of the one-head component. `report(name, value)` tells Python; `draw()` is called once a frame. */
export class Scope {
  constructor(element, report, draw) {
    Object.assign(this, { element, report, draw, view: null, head: null, pinned: null, pointed: null });
    this.moving = false;
    this.still = matchMedia("(prefers-reduced-motion: reduce)");
    this.sequence = 0;
  }

  /** The cell to show: the one pointed at, else the pinned one. Pointing at a whole row keeps the pinned key. */
  get cell() {
    if (!this.pointed) return this.pinned;
    const { query, key } = this.pointed;
    return { ...this.pinned, ...this.pointed, query: query ?? this.pinned.query, key: key ?? this.pinned.key };
  }

  /** A new head, and where Python says so a new view. */
  open(head, view) {
    this.head = head;
    this.opened = (this.opened ?? 0) + 1;
    if (view) this.view = Object.freeze(view);
    this.pinned = inside(this.view, head) ?? this.pinned;
    this.pointed = null;
    const [n, m] = head.shape;
    this.compute();
    if (!this.pinned || this.pinned.query >= n || this.pinned.key >= m || this.view.query === null) {
      this.pinned = head.telling();
    }
    this.refresh();
  }

  /** Change what the reader set: `numbers` where the head's stages follow. */
  set(changes, { moving = false } = {}) {
    this.view = Object.freeze({ ...this.view, ...changes });
    this.moving = moving;
    this.stale ||= Object.keys(changes).some((name) => CHANGES_NUMBERS.has(name));
    this.refresh();
    this.#settle();
  }

  /** The reader points at a cell, or no longer does. */
  point(cell) {
    this.pointed = cell;
    this.refresh();
  }

  /** The reader chooses a cell. */
  pin(cell) {
    this.pinned = { query: cell.query ?? this.pinned.query, key: cell.key ?? this.pinned.key };
    this.pointed = null;
    this.view = Object.freeze({ ...this.view, query: this.pinned.query, key: this.pinned.key });
    this.refresh();
    this.#settle();
  }

  /** Let go of the chosen cell: the one that tells most is shown again. */
  release() {
    this.pinned = this.head.telling();
    this.pointed = null;
    this.view = Object.freeze({ ...this.view, query: null, key: null });
    this.refresh();
    this.#settle();
  }

  compute() {
    this.head.compute(this.view);
    this.stale = false;
    this.version = (this.version ?? 0) + 1;
  }

  /** Draw with the next frame, once however often this is called before it. */
  refresh() {
    this.frame ??= requestAnimationFrame((now) => {
      this.frame = null;
      if (!this.head) return;
      const start = performance.now();
      this.palette = paletteOf(this.element);
      if (this.stale) this.compute();
      this.draw(now);
      performance.measure("head", { start, end: performance.now() });
      this.element.dataset.seq = ++this.sequence;
      this.element.dataset.ready = "true";
    });
  }

  #settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.moving = false;
      this.report("view", this.view);
    }, SETTLED);
  }
}

const CHANGES_NUMBERS = new Set(["scaled", "temperature", "mask", "width", "pairs", "similarity"]);

function inside({ query, key }, { shape: [n, m] }) {
  return query !== null && query < n && (key ?? 0) < m ? { query, key: key ?? 0 } : null;
}
