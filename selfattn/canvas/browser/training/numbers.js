// @ts-check
// The numbers of a history: weights by text, step and head, patterns by step and head.

// Every float16, by its bits.
const HALVES = Float32Array.from({ length: 65536 }, (_, bits) => {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : (fraction / 1024) * 2 ** -14);
});

// A change of a pattern, between 0 and 1, that is worth a word; and the share of the largest that is nearly as much.
const SUDDEN = 0.25;
const NEARLY = 0.9;

/**
 * A head, or its picture of a text.
 * @typedef {{ layer: number, head: number }} Place
 * @typedef {Place & { text: number }} Picture
 */

/** What `canvas/training.py` packs. A step is known by where it stands in `steps`. */
export class History {
  /** @param {any} about */
  constructor({ steps, shape, texts, tokens, patterns, causal, events, planes }) {
    /** @type {number[]} */
    this.steps = steps;
    /** Layers, and heads in each. @type {[number, number]} */
    this.shape = shape;
    /** @type {string[]} */
    this.texts = texts;
    /** @type {string[][]} */
    this.tokens = tokens;
    /** @type {{ name: string, meaning: string, uniform: number }[]} */
    this.patterns = patterns;
    /** @type {boolean} */
    this.causal = causal;
    /** Steps, and what changed there. @type {[number, string][]} */
    this.events = events;
    /** Patterns by step, layer and head. @type {Float32Array} */
    this.curves = planes.patterns;
    this.weights = tokens.map((_, text) => halves(planes[`weights_${text}`]));
    this.keep = tokens.map((_, text) => allowed(this.side(text), causal));
  }

  get last() {
    return this.steps.length - 1;
  }

  /**
   * Where a step stands among the recorded ones: the last of them that is not later. Without a step it is the last.
   * @param {number | null} step
   */
  recorded(step) {
    const later = this.steps.findIndex((each) => step !== null && each > step);
    return later < 0 ? this.last : Math.max(later - 1, 0);
  }

  /**
   * Queries and keys of a text.
   * @param {number} text
   */
  side(text) {
    return [this.tokens[text].length, this.tokens[text].length];
  }

  /**
   * Whether there is such a place, and such a pattern to follow.
   * @param {Picture & { lead: number }} place
   */
  has({ text, layer, head, lead }) {
    const [layers, heads] = this.shape;
    return text < this.tokens.length && layer < layers && head < heads && lead < Math.max(this.patterns.length, 1);
  }

  /**
   * The (query, key) weights of a head at a recorded step.
   * @param {Picture} place
   * @param {number} at
   */
  map({ text, layer, head }, at) {
    const [layers, heads] = this.shape;
    const size = this.tokens[text].length ** 2;
    const start = ((at * layers + layer) * heads + head) * size;
    return this.weights[text].subarray(start, start + size);
  }

  /**
   * A pattern of a head at a recorded step.
   * @param {number} pattern
   * @param {Place} place
   * @param {number} at
   */
  value(pattern, { layer, head }, at) {
    const [layers, heads] = this.shape;
    return this.curves[((pattern * this.steps.length + at) * layers + layer) * heads + head];
  }

  /**
   * A pattern of a head over all recorded steps.
   * @param {number} pattern
   * @param {Place} place
   */
  curve(pattern, place) {
    return this.steps.map((_, at) => this.value(pattern, place, at));
  }

  /** Each head's place. @returns {Place[]} */
  get places() {
    const [layers, heads] = this.shape;
    return Array.from({ length: layers * heads }, (_, place) => ({
      layer: Math.floor(place / heads),
      head: place % heads,
    }));
  }

  /** Even attention from a query: the same weight on every key that it may attend to. */
  even(text, query) {
    return 1 / (this.causal ? query + 1 : this.tokens[text].length);
  }

  /** The head to open with: in the end it has most of the first pattern, or is the most decided where that is entropy. */
  telling() {
    if (!this.patterns.length) return { layer: 0, head: 0 };
    const sign = this.patterns[0].name === "entropy" ? -1 : 1;
    const score = (place) => sign * this.value(0, place, this.last);
    return this.places.reduce((best, place) => (score(place) > score(best) ? place : best));
  }

  /**
   * The last token, and the key to which the head gives most of its weight in the end.
   * @param {Picture} place
   */
  strongest(place) {
    const [side] = this.side(place.text);
    const row = this.map(place, this.last).subarray((side - 1) * side);
    return { query: side - 1, key: row.indexOf(row.reduce((most, weight) => Math.max(most, weight), 0)) };
  }

  /**
   * Where a curve changes suddenly: {from, to}, places in `steps`, or null where it changes by less than SUDDEN while
   * the steps double. Of all such stretches the shortest with nearly the largest change.
   * @param {number} pattern
   * @param {Place} place
   */
  sudden(pattern, place) {
    const curve = this.curve(pattern, place);
    const stretches = [];
    for (let from = 0; from < curve.length; from++) {
      for (let to = from + 1; to < curve.length && this.steps[to] <= 2 * this.steps[from]; to++) {
        stretches.push({ from, to, change: Math.abs(curve[to] - curve[from]) });
      }
    }
    const most = stretches.reduce((largest, { change }) => Math.max(largest, change), 0);
    if (most < SUDDEN) return null;
    const length = ({ from, to }) => this.steps[to] / this.steps[from];
    const good = stretches.filter(({ change }) => change >= NEARLY * most);
    return good.reduce((best, each) => (length(each) < length(best) ? each : best));
  }

  /** How far along a logarithmic axis a step stands, from 0 at step 0 to 1 at the last. */
  along(step) {
    return Math.log1p(step) / (Math.log1p(this.steps[this.last]) || 1);
  }

  /** Where a step stands among the recorded ones, between two of them by the same axis. */
  place(step) {
    const after = Math.max(
      1,
      this.steps.findIndex((each) => each >= step),
    );
    const [low, high] = [this.steps[after - 1], this.steps[after]].map((each) => this.along(each));
    return after - 1 + (this.along(step) - low) / (high - low);
  }

  /** The recorded step nearest to a share of that axis. */
  nearest(share) {
    const distance = (at) => Math.abs(this.along(this.steps[at]) - share);
    return this.steps.reduce((best, _, at) => (distance(at) < distance(best) ? at : best), 0);
  }
}

function halves(bytes) {
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2);
  return Float32Array.from(bits, (each) => HALVES[each]);
}

/**
 * @param {number[]} side
 * @param {boolean} causal
 */
function allowed([rows, columns], causal) {
  const open = (cell) => !causal || cell % columns <= Math.floor(cell / columns);
  return Uint8Array.from({ length: rows * columns }, (_, cell) => (open(cell) ? 1 : 0));
}
