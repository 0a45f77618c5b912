// @ts-check
// What all views of a head share: its numbers, what the reader set and points at, and one drawing a frame.

import { Room } from "./room.js";

// After the last change, the reader's setting goes to Python: not for every pixel of a drag.
const SETTLED = 300;
const CHANGES_NUMBERS = new Set(["scaled", "temperature", "mask", "width", "pairs", "similarity"]);

/**
 * A cell of a matrix; null for a whole row or column.
 * @typedef {{ query: number | null, key: number | null, dimension?: number | null, component?: number | null }} Cell
 */

/** A room that shows a head, or two. */
export class Scope extends Room {
  /** @type {any} */
  view = null;
  /** @type {any} */
  head = null;
  /** @type {any} */
  pinned = null;
  /** @type {any} */
  pointed = null;
  /** How many heads were opened, and how often one was computed: what is drawn is known by both. */
  opened = 0;
  version = 0;
  stale = false;

  /** The cell to show: the one pointed at, else the pinned one. Pointing at a whole row keeps the pinned key. */
  get cell() {
    if (!this.pointed) return this.pinned;
    const { query, key } = this.pointed;
    return { ...this.pinned, ...this.pointed, query: query ?? this.pinned.query, key: key ?? this.pinned.key };
  }

  /**
   * A new head, and where Python says so a new view.
   * @param {any} head
   * @param {any} view
   */
  show(head, view) {
    this.head = head;
    this.opened++;
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

  /**
   * Change what the reader set.
   * @param {object} changes
   * @param {{ moving?: boolean }} how
   */
  set(changes, { moving = false } = {}) {
    this.view = Object.freeze({ ...this.view, ...changes });
    this.moving = moving;
    this.stale ||= Object.keys(changes).some((name) => CHANGES_NUMBERS.has(name));
    this.refresh();
    this.#settle();
  }

  /**
   * The reader points at a cell, or no longer does.
   * @param {Cell | null} cell
   */
  point(cell) {
    this.pointed = cell;
    this.refresh();
  }

  /**
   * The reader chooses a cell.
   * @param {Cell} cell
   */
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

  update() {
    if (this.stale) this.compute();
  }

  compute() {
    this.head.compute(this.view);
    this.stale = false;
    this.version++;
  }

  /** Tell Python of the view. */
  report() {
    this.keep("view", this.view);
  }

  #settle() {
    this.rested(SETTLED, () => {
      this.moving = false;
      this.report();
    });
  }
}

/**
 * @param {Cell} cell
 * @param {{ shape: number[] }} head
 */
function inside({ query, key }, { shape: [n, m] }) {
  return query !== null && query < n && (key ?? 0) < m ? { query, key: key ?? 0 } : null;
}
