// @ts-check
// The language of masks, as `maths/masks.py` reads and writes it: patterns combined with &, | and ~.

/**
 * A pattern: {name, args}, {and: [left, right]}, {or: [left, right]} or {not: inner}.
 * @typedef {{ name?: string, args?: any[], and?: Pattern[], or?: Pattern[], not?: Pattern }} Pattern
 */

const LARGEST = 2 ** 31 - 1;
const EXPECTED =
  "expected causal, padding, window(4), dilated(8, 2), block(4), global_tokens([0]) or custom([[5, 3]]), " +
  "combined with &, | and ~.";
const TOKEN = /\s*([a-z_]+|\d+|[()[\],&|~])/y;

// For each name the least of each of its numbers, or what makes its list.
const NUMBERS = { causal: null, padding: null, window: [1], dilated: [1, 1], block: [1] };
const LISTS = {
  global_tokens: (numbers) => {
    if (!numbers.every(Number.isInteger)) throw refusal("global_tokens");
    return numbers;
  },
  custom: (pairs) => {
    const good = (pair) => Array.isArray(pair) && pair.length === 2 && pair.every(Number.isInteger);
    if (!pairs.every(good)) throw refusal("custom");
    return pairs;
  },
};

/** The pattern of an expression. Throws an Error with one sentence for any other text. */
export function parse(text) {
  const tokens = split(text);
  let at = 0;
  const next = () => tokens[at];
  const take = (token) => {
    if (tokens[at] !== token) throw refusal(text);
    at++;
  };
  const joined = (sign, name, inner) => () => {
    let left = inner();
    while (next() === sign) {
      at++;
      left = { [name]: [left, inner()] };
    }
    return left;
  };
  const either = joined("|", "or", joined("&", "and", negated));

  function negated() {
    if (next() !== "~") return single();
    at++;
    return { not: negated() };
  }

  function single() {
    const name = tokens[at++];
    if (name === "(") {
      const inner = either();
      take(")");
      return inner;
    }
    if (Object.hasOwn(LISTS, name)) return { name, args: LISTS[name](one(bracketed("(", ")", list))) };
    if (!Object.hasOwn(NUMBERS, name)) throw refusal(text);
    const least = NUMBERS[name];
    const args = least === null ? [] : bracketed("(", ")", whole);
    const wrong = args.length !== (least?.length ?? 0) || args.some((number, place) => number < least[place]);
    if (wrong) throw refusal(text);
    return { name, args };
  }

  function bracketed(open, close, item) {
    const items = [];
    take(open);
    while (next() !== close) {
      items.push(item());
      if (next() !== close) take(",");
    }
    at++;
    return items;
  }

  const one = (items) => {
    if (items.length !== 1) throw refusal(text);
    return items[0];
  };
  const list = () => bracketed("[", "]", () => (next() === "[" ? list() : whole()));
  function whole() {
    const number = Number(tokens[at++]);
    if (!Number.isInteger(number) || number > LARGEST) throw refusal(text);
    return number;
  }

  const pattern = either();
  if (at < tokens.length) throw refusal(text);
  return pattern;
}

function split(text) {
  const tokens = [];
  TOKEN.lastIndex = 0;
  for (let found; TOKEN.lastIndex < text.trimEnd().length; tokens.push(found[1])) {
    found = TOKEN.exec(text);
    if (!found) throw refusal(text);
  }
  return tokens;
}

function refusal(text) {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new Error(`Could not read the mask “${shown}”; ${EXPECTED}`);
}

/** The expression of a pattern, with no more brackets than it needs. */
export function write(pattern, around = 0) {
  if (pattern.not) return `~${write(pattern.not, 3)}`;
  if (pattern.name) return called(pattern);
  const [sign, place] = pattern.and ? ["&", 2] : ["|", 1];
  const [left, right] = pattern.and ?? pattern.or;
  // A chain is read from the left: the right-hand side keeps the brackets of its own operator.
  const text = `${write(left, place)} ${sign} ${write(right, place + 0.5)}`;
  return place < around ? `(${text})` : text;
}

function called({ name, args }) {
  if (NUMBERS[name] === null) return name;
  if (name === "custom") return `custom([${args.map((pair) => `[${pair.join(", ")}]`).join(", ")}])`;
  return name === "global_tokens" ? `global_tokens([${args.join(", ")}])` : `${name}(${args.join(", ")})`;
}

/** Which of `count` tokens each may attend to, row by row: 1 or 0. `real` is 0 for padding tokens. */
export function keepOf(pattern, count, real) {
  const keep = new Uint8Array(count * count);
  const allows = rule(pattern, real);
  for (let i = 0, c = 0; i < count; i++) for (let j = 0; j < count; j++, c++) keep[c] = allows(i, j) ? 1 : 0;
  return keep;
}

function rule({ name, args, and, or, not }, real) {
  if (not) {
    const inner = rule(not, real);
    return (i, j) => !inner(i, j);
  }
  if (!name) {
    const [left, right] = (and ?? or).map((each) => rule(each, real));
    return and ? (i, j) => left(i, j) && right(i, j) : (i, j) => left(i, j) || right(i, j);
  }
  return RULES[name](args, real);
}

const RULES = {
  causal: () => (i, j) => j <= i,
  padding: (_, real) => (_, j) => real[j],
  window:
    ([width]) =>
    (i, j) =>
      Math.abs(i - j) < width,
  dilated:
    ([width, step]) =>
    (i, j) =>
      Math.abs(i - j) < width && (i - j) % step === 0,
  block:
    ([size]) =>
    (i, j) =>
      Math.floor(i / size) === Math.floor(j / size),
  global_tokens: (positions) => {
    const chosen = new Set(positions);
    return (i, j) => chosen.has(i) || chosen.has(j);
  },
  custom: (pairs) => {
    const chosen = new Set(pairs.map(([i, j]) => `${i},${j}`));
    return (i, j) => chosen.has(`${i},${j}`);
  },
};

/** Every named pattern of a pattern, from the left. */
export function* named(pattern) {
  if (pattern.name) yield pattern;
  for (const inner of pattern.and ?? pattern.or ?? (pattern.not ? [pattern.not] : [])) yield* named(inner);
}

/** The same pattern with one of its parts replaced; with `null` in its place, what is left without it, or null. */
export function replaced(pattern, part, by) {
  if (pattern === part) return by;
  if (pattern.not) {
    const inner = replaced(pattern.not, part, by);
    return inner && { not: inner };
  }
  if (pattern.name) return pattern;
  const name = pattern.and ? "and" : "or";
  const [left, right] = pattern[name].map((each) => replaced(each, part, by));
  return left && right ? { [name]: [left, right] } : (left ?? right);
}
