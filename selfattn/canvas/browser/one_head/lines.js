// @ts-check
// Lines from tokens to the tokens that they attend to: two columns, opacity and width by the weight.

import { strongest } from "../shared/attend.js";
import { around, h, number, write } from "../shared/dom.js";
import { extent } from "../shared/extent.js";
import { titled } from "../shared/names.js";
import { mention } from "../shared/sortable.js";
import { chosenLines, drawLines, levelOf, MOST } from "./strands.js";
import { mergeWords, tokenOf, wordOf } from "./words.js";

const ROW = 24; // pixels: the least height of a target
const WHOLE = 300; // a longer column keeps only the tokens in view
const AROUND = 10; // and so many above and below
const LONG = 12; // characters that surely fit
const STRONGEST = 5;
const DEEP = 0.05; // where a chip is coloured more than that, quiet text would be hard to read
const SIDES = ["query", "key"];
const NONE = [];
const PLURAL = { query: "queries", key: "keys" };
const OTHER = { query: "key", key: "query" };
const SHAPES = {
  linear: "the weight",
  sqrt: "the square root of the weight",
  log: "the logarithm of the weight over three decades",
};

/** The lines of one head; pointing at a token, or moving there with the arrow keys, shows its own lines only. */
export function lines(scope) {
  const columns = { query: column("query", "Attends from"), key: column("key", "Attends to") };
  const canvas = h("canvas", { role: "img" });
  const sheet = h("div", { class: "lines-sheet" }, columns.query.element, canvas, columns.key.element);
  const scroll = h("div", { class: "lines-scroll" }, sheet);
  const said = h("p", { class: "lines-said" });
  const caption = h("p", { class: "lines-caption" });
  const live = h("p", { class: "lines-live", "aria-live": "polite" });
  const heads = h("div", { class: "lines-heads", "aria-hidden": "true" });
  heads.append(h("span", { class: "query" }, "attends from"), h("span", { class: "key" }, "attends to"));
  const element = h("section", { class: "lines", "aria-label": "Lines" }, heads, scroll, caption, said, live);
  let cursor = { side: "query", place: 0 };
  let seen = null;
  let frame = null;

  function draw() {
    const { view, palette } = scope;
    const merges = view.words || scope.head.folds?.keys.length || scope.head.folds?.queries.length;
    seen = merges ? mergeWords(scope.head, view.words) : scope.head;
    cursor.place = Math.min(cursor.place, seen[PLURAL[cursor.side]].length - 1);
    const taking = takingPart(seen, view.segments);
    const focus = focused(scope, seen);
    const { threshold, colour: depth } = view;
    const most = extent(seen, view, "weights", { values: seen.weights, shape: seen.shape, keep: seen.keep });
    const chosen = chosenLines(seen, { threshold, depth, most, taking, focus });
    const partners = focus && partnersOf(seen, focus, taking);
    const share = (weight, query) => levelOf(weight, most[query] ?? most, depth) / 255;
    sheet.style.height = `${ROW * Math.max(...seen.shape)}px`;
    const box = { top: scroll.scrollTop, height: scroll.clientHeight, width: canvas.clientWidth };
    const look = { taking, focus, partners, threshold, share };
    for (const side of SIDES) columns[side].draw(looks(side, seen, look), box, cursor);
    const numbers = { weights: seen.weights, keys: seen.shape[1] };
    drawLines(canvas, chosen, { ...box, ...numbers, row: ROW, colour: palette.weights });
    describe(focus, partners, chosen, most);
  }

  function describe(focus, partners, chosen, most) {
    const { words, colour, threshold } = scope.view;
    const sentence = focus ? sentenceOf(seen, focus, partners) : "";
    const changed = said.textContent !== sentence;
    write(said, sentence || "Point at a token, or move with the arrow keys, to see its own lines; Enter pins it.");
    if (changed && sentence && element.contains(active())) write(live, sentence);
    const whole = words ? " Whole words: the weight to a word is summed, from a word averaged, over its tokens." : "";
    const picture =
      seen.members && !words ? " The weight to a picture is summed, from a picture averaged, over its patches." : "";
    const counts = countsOf(chosen, threshold);
    const deepest = typeof most === "number" ? Number(most.toPrecision(3)) : "each row's largest";
    write(caption, `${counts} Opacity: ${SHAPES[colour]}, full at ${deepest}; width: the weight.${whole}${picture}`);
    const [n, m] = seen.shape;
    canvas.setAttribute("aria-label", `Lines from ${n} ${words ? "words" : "tokens"} to ${m}. ${counts}`);
  }

  const active = () => /** @type {ShadowRoot} */ (element.getRootNode()).activeElement;

  function pointAt(side, place) {
    const cell = tokens({ query: null, key: null, [side]: place });
    const { query = null, key = null } = scope.pointed ?? {};
    if (query !== cell.query || key !== cell.key) scope.point(cell);
  }

  function tokens(cell) {
    return seen.members ? tokenOf(seen, cell) : cell;
  }

  // Of a picture the patch that gets most.
  function inside({ query, key }) {
    const fold = scope.head.folds?.keys.find(({ start, end }) => start <= key && key < end);
    return { query, key: fold ? strongest(scope.head, query, fold.start, fold.end) : key };
  }

  function letGo() {
    const option = around(active(), ".lines-token");
    if (option && element.contains(option)) pointAt(...placeOf(option));
    else if (scope.pointed) scope.point(null);
  }

  function pin([side, place]) {
    const [strongest] = partnersOf(seen, { side, place }, takingPart(seen, scope.view.segments)).order;
    scope.pin(inside(tokens({ [side]: place, [OTHER[side]]: strongest ?? 0 })));
  }

  function move(side, place) {
    const inside = Math.min(Math.max(place, 0), seen[PLURAL[side]].length - 1);
    const top = inside * ROW;
    if (top < scroll.scrollTop) scroll.scrollTop = top;
    if (top + ROW > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = top + ROW - scroll.clientHeight;
    columns[side].option(inside).focus({ preventScroll: true });
  }

  element.onkeydown = (event) => {
    const option = around(event.target, ".lines-token");
    const steps = { ArrowUp: -1, ArrowDown: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
    const side = { ArrowLeft: "query", ArrowRight: "key" }[event.key];
    if (event.key === "Escape") scope.release();
    else if (!option) return;
    else if (event.key in steps) move(cursor.side, cursor.place + steps[event.key]);
    else if (side) move(side, cursor.place);
    else if (event.key === "Enter" || event.key === " ") pin(placeOf(option));
    else return;
    event.preventDefault();
  };
  element.addEventListener("focusin", (event) => {
    const option = around(event.target, ".lines-token");
    if (!option) return;
    const [side, place] = placeOf(option);
    cursor = { side, place };
    pointAt(side, place);
  });
  element.addEventListener("focusout", (event) => {
    if (!element.contains(/** @type {Node | null} */ (event.relatedTarget))) scope.point(null);
  });
  scroll.onpointerover = (event) => {
    const option = around(event.target, ".lines-token");
    if (option) pointAt(...placeOf(option));
    else letGo();
  };
  scroll.onpointerleave = letGo;
  scroll.onclick = (event) => {
    const option = around(event.target, ".lines-token");
    if (option) pin(placeOf(option));
  };
  scroll.onscroll = () => {
    if (frame !== null) return;
    frame = requestAnimationFrame(() => {
      frame = null;
      draw();
    });
  };
  return { element, draw };
}

/** @type {(option: HTMLElement) => [side: string, place: number]} */
function placeOf(option) {
  return [option.dataset.side, Number(option.dataset.place)];
}

// What has the reader's eye: pointed at, else pinned by hand. A whole row (key null) or a whole column (query null).
function focused({ pointed, view }, seen) {
  let cell = pointed ?? (view.query === null ? null : { query: view.query, key: view.key });
  if (cell && seen.members) cell = wordOf(seen, cell);
  if (!cell) return null;
  const side = cell.query === null ? "key" : "query";
  return { side, place: cell[side], partner: cell[OTHER[side]] };
}

// Which tokens take part: with "AB", the queries of sentence A and the keys of sentence B.
function takingPart({ segments, shape }, which) {
  const takes = (side, letter, t) => which === "all" || segments[side][t] === (letter === "B" ? 1 : 0);
  const of = (side, letter, count) => Uint8Array.from({ length: count }, (_, t) => (takes(side, letter, t) ? 1 : 0));
  return { query: of("queries", which[0], shape[0]), key: of("keys", which[1], shape[1]) };
}

// The weights between the token in focus and each of the other column, and those places from the strongest down.
function partnersOf({ weights, keep, shape: [n, m] }, { side, place }, taking) {
  const count = side === "query" ? m : n;
  const cell = (other) => (side === "query" ? place * m + other : other * m + place);
  const open = (other) => taking[side][place] && taking[OTHER[side]][other] && keep[cell(other)];
  const found = Float32Array.from({ length: count }, (_, other) => (open(other) ? weights[cell(other)] : 0));
  const order = Array.from(found.keys()).filter(open);
  order.sort((a, b) => found[b] - found[a]);
  return { weights: found, order: order.slice(0, STRONGEST) };
}

// How each token of a column looks, by its place.
function looks(side, seen, { taking, focus, partners, threshold, share }) {
  const labels = seen[PLURAL[side]];
  const words = seen.words[PLURAL[side]];
  const written = words.some((word) => word >= 0); // else no token is known to stand for text
  return {
    labels,
    notes: seen.notes?.[PLURAL[side]] ?? NONE,
    of(place) {
      const chosen = focus?.side === side && focus.place === place;
      const across = focus && focus.side !== side;
      const weight = across ? partners.weights[place] : 0;
      const listed = across && (partners.order.includes(place) || focus.partner === place);
      const apart = focus && !chosen && !(across && weight > 0 && weight >= threshold);
      const deep = across ? share(weight, side === "key" ? focus.place : place) : 0;
      const names = [
        written && words[place] < 0 && deep < DEEP && "special",
        (apart || !taking[side][place]) && "apart",
        chosen && "chosen",
        across && focus.partner === place && "partner",
      ];
      return { names: names.filter(Boolean).join(" "), chosen, share: deep, number: listed ? number(weight) : "" };
    },
  };
}

// One column of tokens, as elements that a screen reader and the keyboard reach.
function column(side, label) {
  const element = h("div", { class: `lines-column ${side}`, role: "listbox", "aria-label": label });
  const options = new Map();
  let made = [];
  let said = NONE;

  function draw({ labels, notes, of }, { top, height }, cursor) {
    if (notes !== said || labels.length !== made.length || labels.some((text, place) => text !== made[place])) {
      made = labels;
      said = notes;
      options.clear();
      element.replaceChildren();
    }
    const whole = labels.length <= WHOLE;
    const first = whole ? 0 : Math.max(Math.floor(top / ROW) - AROUND, 0);
    const end = whole ? labels.length : Math.min(Math.ceil((top + height) / ROW) + AROUND, labels.length);
    const kept = (place) => (place >= first && place < end) || (cursor.side === side && cursor.place === place);
    for (const [place, { node }] of options) {
      if (kept(place)) continue;
      node.remove();
      options.delete(place);
    }
    for (let place = first; place < end; place++) option(place);
    if (cursor.side === side) option(cursor.place);
    for (const [place, made] of options) dress(made, of(place), cursor.side === side && cursor.place === place);
  }

  // The element of a token, made where it is not there.
  function option(place) {
    if (!options.has(place)) add(place);
    return options.get(place).node;
  }

  function add(place) {
    const text = made[place];
    const title = said[place] ? titled(text, said[place]) : text.length > LONG ? text : "";
    const token = h("span", { class: "lines-text", dir: "auto", title }, text);
    const value = h("span", { class: "lines-number" });
    const parts = side === "query" ? [value, token] : [token, value];
    const node = h("div", { class: "lines-token", role: "option", tabIndex: -1 }, ...parts);
    Object.assign(node.dataset, { side, place });
    node.ariaSetSize = String(made.length);
    node.ariaPosInSet = String(place + 1);
    node.style.top = `${place * ROW}px`;
    const after = [...element.children].find((other) => placeOf(/** @type {HTMLElement} */ (other))[1] > place);
    element.insertBefore(node, after ?? null);
    options.set(place, { node, value, state: null });
  }
  return { element, draw, option };
}

// Only what changed is written: most tokens look the same from one frame to the next.
function dress(option, { names, chosen, share, number: text }, tabbed) {
  const state = `${names}|${share}|${text}|${tabbed}`;
  if (state === option.state) return;
  option.state = state;
  option.node.className = `lines-token ${names}`;
  option.node.style.setProperty("--share", share);
  option.node.setAttribute("aria-selected", chosen);
  option.node.tabIndex = tabbed ? 0 : -1;
  write(option.value, text);
}

function sentenceOf(seen, { side, place }, { weights, order }) {
  const name = mention(seen[PLURAL[side]][place]);
  const others = order.map((other) => `${mention(seen[PLURAL[OTHER[side]]][other])} ${number(weights[other])}`);
  if (!others.length) return `${name} ${side === "query" ? "attends to" : "gets attention from"} nothing here.`;
  return `${name} ${side === "query" ? "attends to" : "gets attention from"} ${others.join(", ")}.`;
}

function countsOf({ drawn, hidden, faint, total }, threshold) {
  const some = (count) => count.toLocaleString("en");
  if (!total) return "No lines here.";
  if (drawn === total) return total === 1 ? "The one line is drawn." : `All ${some(total)} lines are drawn.`;
  const reasons = [];
  if (hidden) reasons.push(`lines below ${threshold} are hidden`);
  if (faint) reasons.push(`${some(faint)} too faint to see`);
  if (drawn < total - hidden - faint) reasons.push(`only the strongest ${some(MOST)} are kept`);
  const said = reasons.join(", ");
  return `${said[0].toUpperCase()}${said.slice(1)}: ${some(drawn)} of ${some(total)} drawn.`;
}
