// @ts-check
// One head, live: its stages recomputed from queries, keys, values and raw scores, as `maths/attend.py` does in Python.
//
// Every stage is rounded to 32 bits where PyTorch rounds it (`Math.fround`, or a store into a Float32Array), so that
// both sides hand the same logits to the softmax.

import { foldsOf, onPicture } from "./laid.js";
import { mix, turned } from "./mix.js";
import { similarity } from "./similarity.js";

const { fround } = Math;

/**
 * What the reader set of the computation: the part of `view.py` that changes numbers.
 * @typedef {object} Settings
 * @property {boolean} scaled
 * @property {number | null} temperature null: as the model runs
 * @property {string[]} mask
 * @property {number} width
 * @property {[number, number][]} pairs
 * @property {"own" | "dot" | "cosine" | "rbf"} similarity
 */

/** @typedef {import("./payload.js").Floats} Floats */
/** @typedef {import("./payload.js").Bytes} Bytes */
/** @typedef {import("./payload.js").Integers} Integers */
/** @typedef {import("./laid.js").Crop} Crop */
/** @typedef {import("./laid.js").Fold} Fold */

/** What one head of a payload computes under the view's scaling, temperature, similarity and mask. */
export class Head {
  /** What the mask is that `keep` and `bias` follow, as text. */
  masked = "";
  /** What the scores are multiplied by, and the logits divided. */
  factor = 1;
  temperature = 1;
  /** The keys turned, made where they are drawn so. @type {Float32Array | null} */
  transposed = null;
  /** What is added to the logits. @type {Float32Array | undefined} */
  bias;
  /** What `scaled` was made of. @type {unknown[]} */
  #scaledOf = [];
  /** The values turned, and what the weights mix of them: made when it is asked for. @type {Float64Array | null} */
  #turned = null;
  #mixed = false;
  /** @type {Float32Array} */
  #context;

  /** @param {any} about */
  constructor({ head, planes, queries, keys, notes, word_names: wordNames }) {
    const [n, d] = planes.query.shape;
    const [m, dv] = planes.value.shape;
    /** @type {[number, number]} */
    this.shape = [n, m];
    /** @type {number} */
    this.d = d;
    /** @type {number} */
    this.dv = dv;
    /** @type {string[]} */
    this.queries = queries;
    /** @type {string[]} */
    this.keys = keys;
    /** Which token of the vocabulary each is; nothing of what is none. @type {{ queries: string[], keys: string[] }} */
    this.notes = notes ?? { queries: [], keys: [] };
    /** What whole words read as, where that is known. @type {{ queries?: string[], keys?: string[] }} */
    this.wordNames = wordNames ?? {};
    /** @type {"self" | "cross"} */
    this.kind = head.kind;
    /** @type {number} */
    this.scale = head.scale;
    /** @type {number | null} */
    this.softcap = head.softcap;
    /** A logit that takes part in the sum and gives nothing. @type {number | null} */
    this.sink = head.sink;
    /** The raw score farthest from zero in any head of the layer. @type {number} */
    this.extreme = head.extreme;
    /** The model's own, what a reader may choose instead, and why not where he may not. @type {string} */
    this.similarity = head.similarity;
    /** @type {boolean} */
    this.comparable = head.comparable;
    /** @type {string | null} */
    this.fixed = head.fixed;
    /** @type {Floats} */
    this.query = planes.query;
    /** @type {Floats} */
    this.key = planes.key;
    /** @type {Floats} */
    this.value = planes.value;
    /** @type {{ queries: Integers, keys: Integers }} */
    this.words = { queries: planes.query_words, keys: planes.key_words };
    /** @type {{ queries: Bytes, keys: Bytes }} */
    this.segments = { queries: planes.query_segments, keys: planes.key_segments };
    /** @type {{ queries: Bytes, keys: Bytes }} */
    this.real = { queries: planes.real_queries, keys: planes.real_keys };
    // What a picture or a sound looks like, and how its tokens lie on it, where the model reads one.
    /** @type {{ queries: Crop[] | null, keys: Crop[], words: boolean } | undefined} */
    this.image = head.image;
    /** The runs of tokens that are a picture, shown as one. @type {{ queries: Fold[], keys: Fold[] }} */
    this.folds = { queries: foldsOf(head.image?.queries, n), keys: foldsOf(head.image?.keys, m) };
    /** @type {{ seconds: number, rate: number, queries: boolean, labels: string[] | null } | undefined} */
    this.sound = head.sound;
    /** @type {Bytes | undefined} */
    this.pixels = planes.pixels;
    /** @type {Floats | undefined} */
    this.wave = planes.wave;
    /** @type {Bytes | undefined} */
    this.mel = planes.mel;
    // What the model runs with: edits in it have taken its scaling, allow so much, cut after the softmax, and silence.
    /** @type {boolean} */
    this.raw = head.raw;
    /** @type {Bytes | undefined} */
    this.edited = planes.allowed;
    /** @type {Bytes | undefined} */
    this.cut = planes.cut;
    /** @type {"zero" | "mean" | "so far" | "given" | null} */
    this.ablated = head.ablated;
    /** @type {Floats | undefined} */
    this.given = planes.given;
    /** @type {{ scores: Floats, keep: Uint8Array, temperature: number, bias?: Floats, maskBias?: Floats }} */
    this.own = {
      scores: planes.scores,
      keep: planes.keep,
      temperature: head.temperature,
      bias: planes.bias,
      maskBias: planes.mask_bias,
    };
    /** @type {Partial<Record<Settings["similarity"], Float32Array>>} */
    this.similarities = { own: planes.scores };
    /** @type {Float32Array} */
    this.scores = planes.scores;
    this.scaled = new Float32Array(n * m);
    this.logits = new Float32Array(n * m);
    this.weights = new Float32Array(n * m);
    this.keep = new Uint8Array(n * m);
    this.#context = new Float32Array(n * dv);
    // One number a row: keys allowed, largest logit, sum of exponentials, entropy over log n; of its weights the
    // sum, the sum of squares, and the largest.
    this.allowed = new Float64Array(n);
    this.largest = new Float64Array(n);
    this.total = new Float64Array(n);
    this.entropy = new Float64Array(n);
    this.sum = new Float64Array(n);
    this.squares = new Float64Array(n);
    this.top = new Float64Array(n);
  }

  /**
   * Compute every stage under a view.
   * @param {Settings} view
   */
  compute(view) {
    this.scores = this.similarities[view.similarity] ??= similarity[view.similarity](this);
    if (this.masked !== maskOf(view)) this.#mask(view);
    this.factor = view.scaled ? this.scale : 1;
    this.temperature = view.temperature ?? this.own.temperature;
    this.#scale();
    const [n] = this.shape;
    for (let i = 0; i < n; i++) this.#row(i, fround(this.temperature));
    this.#mixed = false;
  }

  /** What each query receives: the values, by the weights of its row. @type {Float32Array} */
  get context() {
    if (!this.#mixed) {
      this.#mixed = true;
      this.#turned ??= turned(this.value, this.shape[1], this.dv);
      mix(this.weights, this.#turned, this.#context, this.shape, this.dv);
      if (this.ablated) this.#silence();
    }
    return this.#context;
  }

  /** A temperature leaves the scaled scores as they are. */
  #scale() {
    const { scores, scaled, factor } = this;
    if (this.#scaledOf[0] === scores && this.#scaledOf[1] === factor) return;
    this.#scaledOf = [scores, factor];
    const by = fround(factor);
    for (let c = 0; c < scaled.length; c++) scaled[c] = scores[c] * by;
  }

  /** What a silenced head gives: zeros, what is given, or the mean of its rows (so far) but for those of padding. */
  #silence() {
    const { given, ablated, dv, real } = this;
    const context = this.#context;
    if (ablated === "zero") return void context.fill(0);
    if (given) return context.set(given);
    const sum = new Float64Array(dv);
    const rows = Array.from(this.allowed.keys());
    let count = 0;
    for (const i of rows) {
      if (real.queries[i]) {
        count++;
        for (let x = 0; x < dv; x++) sum[x] += context[i * dv + x];
      }
      if (ablated === "so far") for (let x = 0; x < dv; x++) context[i * dv + x] = sum[x] / Math.max(count, 1);
    }
    if (ablated === "mean") for (const i of rows) for (let x = 0; x < dv; x++) context[i * dv + x] = sum[x] / count;
  }

  /** The word that gives most of its weight to one other word: where there is something to see at once. */
  telling() {
    if (this.image) return this.#looking();
    const {
      weights,
      shape: [n, m],
      words,
      kind,
    } = this;
    let best = { query: 0, key: 0, weight: -1 };
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < m; j++) {
        const weight = weights[i * m + j];
        const word = words.queries[i] >= 0 && words.keys[j] >= 0 && (kind === "cross" || i !== j);
        if (word && weight > best.weight) best = { query: i, key: j, weight };
      }
    }
    return { query: best.query, key: best.key };
  }

  /** What gives most of its weight to one patch: among words a word, else another patch too. */
  #looking() {
    const {
      weights,
      shape: [n, m],
    } = this;
    const on = { queries: onPicture(this.image.queries, n), keys: onPicture(this.image.keys, m) };
    const best = { query: n - 1, key: 0, weight: -1 };
    for (let query = 0; query < n; query++) {
      if ((this.image.words && on.queries[query]) || this.words.queries[query] < 0) continue;
      for (let key = 0; key < m; key++) {
        const weight = weights[query * m + key];
        const other = this.kind === "cross" || query !== key;
        if (on.keys[key] && other && weight > best.weight) Object.assign(best, { query, key, weight });
      }
    }
    return { query: best.query, key: best.key };
  }

  /**
   * How the head is drawn when `show` is asked for: as a picture or a sound, only where it reads one.
   * @param {string} show
   */
  shown(show) {
    return ["image", "sound"].includes(show) && !this[show] ? "stages" : show;
  }

  /** @param {Settings} view */
  #mask(view) {
    this.masked = maskOf(view);
    const [n, m] = this.shape;
    const chosen = new Set(view.mask);
    const causal = chosen.has("causal");
    const width = chosen.has("window") ? view.width : Infinity;
    const own = chosen.has("own") ? this.own.keep : null;
    const real = chosen.has("padding") ? this.real.keys : null;
    const { edited } = this;
    for (let i = 0, c = 0; i < n; i++) {
      for (let j = 0; j < m; j++, c++) {
        const kept = (!own || own[c]) && (!edited || edited[c]) && (!real || real[j]);
        this.keep[c] = kept && (!causal || j <= i) && Math.abs(i - j) < width ? 1 : 0;
      }
    }
    for (const [i, j] of view.pairs) if (i < n && j < m) this.keep[i * m + j] = 0;
    const finite = chosen.has("own") ? this.own.maskBias : undefined;
    this.bias = this.own.bias && finite ? this.own.bias.map((b, c) => b + finite[c]) : (this.own.bias ?? finite);
  }

  #row(i, temperature) {
    const { scaled, logits, weights, keep, bias, softcap } = this;
    const m = this.shape[1];
    const start = i * m;
    let largest = this.sink ?? -Infinity;
    let allowed = 0;
    for (let c = start; c < start + m; c++) {
      let logit = scaled[c];
      if (softcap) logit = fround(softcap * fround(Math.tanh(fround(logit / softcap))));
      if (bias) logit = fround(logit + bias[c]);
      logit = fround(logit / temperature);
      if (keep[c]) {
        allowed++;
        if (logit > largest) largest = logit;
        logits[c] = logit;
      } else {
        logits[c] = -Infinity;
      }
    }
    let total = this.sink == null || !allowed ? 0 : Math.exp(this.sink - largest);
    let moment = 0;
    for (let c = start; c < start + m; c++) {
      const below = logits[c] - largest;
      // A weight in proportion e^-104 is zero in 32 bits.
      const power = below > -104 ? Math.exp(below) : 0;
      weights[c] = power;
      if (power) {
        total += power;
        moment += power * below;
      }
    }
    const { cut } = this;
    for (let c = start; cut && c < start + m; c++) if (cut[c]) weights[c] = 0;
    this.#spread(i, total, start);
    this.allowed[i] = allowed;
    this.largest[i] = largest;
    this.total[i] = total;
    // H = log(total) - sum p (logit - largest); a sink or a cut keeps part of the sum to itself.
    const whole = this.sink == null && !cut;
    const entropy = whole ? Math.log(total) - moment / total : entropyOf(weights, start, m);
    this.entropy[i] = allowed > 1 ? entropy / Math.log(allowed) : NaN;
  }

  #spread(i, total, start) {
    const { weights } = this;
    const end = start + this.shape[1];
    const share = total > 0 ? 1 / total : 0;
    let [sum, squares, top] = [0, 0, 0];
    for (let c = start; c < end; c++) {
      const weight = weights[c] * share;
      weights[c] = weight;
      sum += weight;
      squares += weight * weight;
      if (weight > top) top = weight;
    }
    this.sum[i] = sum;
    this.squares[i] = squares;
    this.top[i] = top;
  }
}

/**
 * The key that gets most of a query's weight, of all or of those from `start` to `end`.
 * @param {Pick<Head, "weights" | "shape">} head
 * @param {number} query
 */
export function strongest({ weights, shape: [, m] }, query, start = 0, end = m) {
  const row = weights.subarray(query * m + start, query * m + end);
  return start + row.reduce((top, weight, key) => (weight > row[top] ? key : top), 0);
}

function entropyOf(weights, start, m) {
  let entropy = 0;
  for (let c = start; c < start + m; c++) if (weights[c] > 0) entropy -= weights[c] * Math.log(weights[c]);
  return entropy;
}

/** @param {Settings} view */
function maskOf({ mask, width, pairs }) {
  return JSON.stringify([mask, width, pairs]);
}

/**
 * The gauges of rows that are text and may attend to something: {name, of: one value a row, mean, uniform} each.
 * @param {Head} head
 */
export function gauges(head) {
  const [n, m] = head.shape;
  const rows = Array.from({ length: n }, (_, i) => i).filter((i) => head.real.queries[i] && head.allowed[i] > 0);
  const weight = (i) => 1 / head.allowed[i];
  const begins = Math.max(head.real.keys.indexOf(1), 0); // padding may stand before the text
  const row = {
    entropy: [(i) => head.entropy[i], () => 1],
    "max weight": [(i) => head.top[i], weight],
    "tr J": [(i) => head.sum[i] - head.squares[i], (i) => 1 - weight(i)],
    "first token": [(i) => head.weights[i * m + begins], (i) => head.keep[i * m + begins] * weight(i)],
  };
  const mean = (of) => {
    const values = rows.map(of).filter((value) => !Number.isNaN(value));
    return values.length ? values.reduce((a, b) => a + b) / values.length : NaN;
  };
  return Object.entries(row).map(([name, [of, even]]) => {
    const uniform = name === "entropy" ? (i) => (head.allowed[i] > 1 ? 1 : NaN) : even;
    return { name, of, mean: mean(of), uniform: mean(uniform) };
  });
}
