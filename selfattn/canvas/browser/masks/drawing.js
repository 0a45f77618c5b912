// @ts-check
// What the reader drew: a pattern, the pairs painted over it, and what it was before, to undo.

import { keepOf, parse, write } from "./language.js";

/** @typedef {import("./language.js").Pattern} Pattern */

const ALL = { name: "padding", args: [] };
const NOTHING = { name: "custom", args: [] };
const MOST = 100; // steps that can be undone

/** A mask over `count` tokens; `own` is the model's own, which nothing here can open. */
export class Drawing {
  /** The expressions before this one, the last of them last. @type {string[]} */
  past = [];
  expression = "";
  /** @type {Pattern} */
  pattern = ALL;
  /** The pairs that the pattern keeps, and those that are left of them and painted. */
  under = new Uint8Array();
  keep = new Uint8Array();

  /**
   * @param {number} count
   * @param {Uint8Array} own
   * @param {Uint8Array} real which tokens are no padding
   * @param {string} expression
   */
  constructor(count, own, real, expression) {
    this.count = count;
    this.own = own;
    this.real = real;
    this.#take(expression);
  }

  /** The model's own mask and the drawn one: which pairs may attend. */
  get allowed() {
    return this.keep.map((keep, cell) => keep && this.own[cell]);
  }

  // `change()` may throw, and then nothing has happened.
  #step(change) {
    const before = this.expression;
    change();
    this.past = [...this.past, before].slice(-MOST);
  }

  /** Take an expression, as one step. Throws an Error with one sentence for text that is none. */
  adopt(expression) {
    this.#step(() => this.#take(expression));
  }

  /**
   * Put another pattern under what is painted.
   * @param {Pattern} pattern
   */
  base(pattern) {
    this.#step(() => {
      this.pattern = pattern;
      this.#fresh();
    });
  }

  /** Hide (keep = 0) or show (keep = 1) cells; a stroke of several calls is one step with `more`. */
  paint(cells, keep, more = false) {
    if (!more) this.past = [...this.past, this.expression].slice(-MOST);
    for (const cell of cells) if (this.own[cell]) this.keep[cell] = keep;
    this.#spell();
  }

  /** Go one step back; false where there is none. A stroke over what nothing can open was no step. */
  undo() {
    while (this.past.length) {
      const before = this.past.pop();
      if (before === this.expression) continue;
      this.#take(before);
      return true;
    }
    return false;
  }

  /** How many cells were painted over the pattern. */
  get painted() {
    return this.keep.reduce((sum, keep, cell) => sum + (keep === this.under[cell] ? 0 : 1), 0);
  }

  /** Take away what was painted. */
  clean() {
    this.base(this.pattern);
  }

  #take(expression) {
    const [pattern, hidden, shown] = apart(parse(expression));
    this.pattern = pattern;
    this.#fresh();
    for (const [pairs, keep] of [
      [hidden, 0],
      [shown, 1],
    ]) {
      for (const [i, j] of pairs) if (i < this.count && j < this.count) this.keep[i * this.count + j] = keep;
    }
    this.#spell();
  }

  #fresh() {
    this.under = keepOf(this.pattern, this.count, this.real);
    this.keep = this.under.slice();
    this.#spell();
  }

  // The shortest of: the pattern and what differs from it, all that is hidden, all that is shown.
  #spell() {
    const { keep, under, pattern } = this;
    const custom = (wanted) => ({ name: "custom", args: this.#pairs(wanted) });
    const [hidden, shown] = [custom((c) => under[c] && !keep[c]), custom((c) => keep[c] && !under[c])];
    let over = pattern;
    if (hidden.args.length) over = { and: [over, { not: hidden }] };
    if (shown.args.length) over = { or: [over, shown] };
    const others = over === pattern ? [] : [{ not: custom((c) => !keep[c]) }, custom((c) => keep[c])];
    const texts = [over, ...others].map((each) => write(each));
    this.expression = texts.reduce((best, text) => (text.length < best.length ? text : best));
  }

  #pairs(wanted) {
    const { count } = this;
    const cells = Array.from(this.keep.keys()).filter(wanted);
    return cells.map((c) => [Math.floor(c / count), c % count]);
  }
}

// A pattern, and the pairs that are hidden from it and shown over it.
function apart(pattern) {
  const pairs = (part) => (part?.name === "custom" ? part.args : null);
  const [left, right] = pattern.or ?? pattern.and ?? [];
  if (pattern.or && pairs(right)) {
    const [under, hidden, shown] = apart(left);
    return [under, hidden, [...shown, ...pairs(right)]];
  }
  if (pattern.and && pairs(right?.not)) {
    const [under, hidden, shown] = apart(left);
    // What was shown before is hidden by what comes after it.
    const gone = new Set(pairs(right.not).map(String));
    return [under, [...hidden, ...pairs(right.not)], shown.filter((pair) => !gone.has(String(pair)))];
  }
  if (pairs(pattern)) return [NOTHING, [], pairs(pattern)];
  if (pairs(pattern.not)) return [ALL, pairs(pattern.not), []];
  return [pattern, [], []];
}
