// @ts-check
// The lines from each token to those it attends to: a click on one cuts it, another heals it.

import { fading, h, number, write } from "../shared/dom.js";
import { titled } from "../shared/names.js";
import { mention } from "../shared/sortable.js";

const TALL = 150; // pixels between the two rows of tokens
const MOST = 300; // lines that can still be told apart
const LEAST = 0.02; // a weight below it is no line to see; a cut one is
const HOPE = 11; // pixels around a line that belong to it
const SVG = "http://www.w3.org/2000/svg";

/** Tokens on two lines, from above, to below, and the lines of a head between them. */
export function cuts(scope) {
  const [from, to] = [row("Attends from"), row("Attends to")];
  const picture = document.createElementNS(SVG, "svg");
  picture.setAttribute("aria-hidden", "true");
  const sheet = h("div", { class: "sheet" }, from.element, picture, to.element);
  const strip = fading(h("div", { class: "scroll strip" }, sheet));
  const hint = h("p", { class: "note hint" });
  const title = h("h2");
  const element = h("section", { class: "panel cuts", "aria-label": "Cut lines between words" }, title, strip, hint);
  let [drawn, picked, pointed] = [null, null, null];

  from.choose = (place) => {
    picked = picked === place ? null : place;
    draw();
  };
  to.choose = (place) => {
    if (picked === null) scope.act({ act: "hide", key: place });
    else cut(picked, place);
  };

  function cut(query, key) {
    if (open(query, key)) scope.act({ act: "cut", query, key });
    else write(hint, `${names(query, key)}: the model's own mask forbids that, so there is no line to cut.`);
  }

  const open = (query, key) => scope.about.planes.keep[query * scope.about.keys.length + key];
  const names = (query, key) => `“${mention(scope.about.queries[query])}” → “${mention(scope.about.keys[key])}”`;

  // Cut in the model, or about to be.
  function isCut(query, key) {
    const { about, pending } = scope;
    const clicks = pending.filter((each) => each.act === "cut" && each.query === query && each.key === key).length;
    return (about.planes.cut[query * about.keys.length + key] + clicks) % 2 === 1;
  }

  function isHidden(key) {
    const { queries, keys, kind } = scope.about;
    const others = queries
      .map((_, query) => query)
      .filter((query) => open(query, key) && !(kind === "self" && query === key));
    return others.length > 0 && others.every((query) => scope.about.planes.cut[query * keys.length + key]);
  }

  function draw() {
    const { about } = scope;
    if (drawn !== about) {
      if (!drawn || drawn.queries.join("\n") !== about.queries.join("\n")) picked = null;
      drawn = about;
      from.build(about.queries, about.notes?.queries);
      to.build(about.keys, about.notes?.keys);
    }
    write(title, "");
    title.append("Cut lines", h("small", {}, about.lines));
    from.mark((place) => ({ pressed: place === picked }));
    to.mark((place) => ({ pressed: isHidden(place), hidden: isHidden(place) }));
    lay();
  }

  // Where the tokens stand is known once they are there.
  function lay() {
    const { queries, keys, planes } = scope.about;
    const at = (chip) => chip.offsetLeft + chip.offsetWidth / 2;
    const [left, right] = [from.chips.map(at), to.chips.map(at)];
    const wide = Math.max(from.element.scrollWidth, to.element.scrollWidth);
    picture.setAttribute("viewBox", `0 0 ${wide} ${TALL}`);
    Object.assign(picture.style, { width: `${wide}px`, height: `${TALL}px` });
    const edges = [];
    queries.forEach((_, query) => {
      if (picked !== null && picked !== query) return;
      keys.forEach((_, key) => {
        const place = query * keys.length + key;
        const gone = isCut(query, key);
        const weight = gone ? planes.before[place] : planes.weights[place];
        if (planes.keep[place] && (weight >= LEAST || gone)) edges.push({ query, key, weight, gone });
      });
    });
    edges.sort((a, b) => b.gone - a.gone || b.weight - a.weight);
    const shown = edges.slice(0, MOST).reverse();
    picture.replaceChildren(...shown.flatMap((edge) => strokes(edge, left[edge.query], right[edge.key])));
    hinted();
  }

  function strokes(edge, x, y) {
    const { query, key, weight, gone } = edge;
    const path = `M ${x} 0 C ${x} ${TALL / 2}, ${y} ${TALL / 2}, ${y} ${TALL}`;
    const line = part("path", { d: path, class: gone ? "line gone" : "line" });
    line.style.strokeWidth = `${1 + 3 * weight}px`;
    line.style.opacity = gone ? 1 : Math.max(0.12, Math.sqrt(weight));
    // A cut through the middle of the line, where it is furthest from both words.
    const middle = `translate(${(x + y) / 2} ${TALL / 2})`;
    const cross = gone ? [part("path", { d: "M -5 -5 L 5 5 M -5 5 L 5 -5", class: "cross", transform: middle })] : [];
    const hit = part("path", { d: path, class: "hit", "data-edge": `${query}-${key}` });
    hit.style.strokeWidth = `${HOPE}px`;
    hit.onclick = () => cut(query, key);
    hit.onpointerenter = () => point(edge);
    hit.onpointerleave = () => point(null);
    return [line, ...cross, hit];
  }

  function point(edge) {
    pointed = edge;
    hinted();
  }

  function hinted() {
    if (pointed) {
      const { query, key, weight, gone } = pointed;
      write(
        hint,
        `${names(query, key)}: weight ${number(weight)}${gone ? " before; cut, a click heals it" : "; a click cuts it"}.`,
      );
    } else if (picked !== null) {
      const word = mention(scope.about.queries[picked]);
      write(hint, `Lines from “${word}” alone: choose a word below to cut or heal its line; Escape shows all.`);
    } else {
      write(hint, "Click a line to cut it, a word below to hide it from all others, a word above for its own lines.");
    }
  }

  element.onkeydown = (event) => {
    if (event.key !== "Escape" || picked === null) return;
    picked = null;
    draw();
  };
  return { element, draw };
}

function part(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// A line of tokens: one of them is reached by Tab, the others by the arrow keys.
function row(label) {
  const element = h("div", { class: "chips", role: "toolbar", "aria-label": label });
  const made = { element, chips: [], choose: null, build, mark };
  let cursor = 0;

  function build(names, notes = []) {
    const told = [...names, ...notes].join("\n");
    if (told === made.names) return;
    made.names = told;
    cursor = Math.min(cursor, names.length - 1);
    made.chips = names.map((name, place) =>
      h(
        "button",
        {
          type: "button",
          dir: "auto",
          title: titled(name, notes[place]),
          tabIndex: place === cursor ? 0 : -1,
          onclick: () => made.choose(place),
        },
        name,
      ),
    );
    element.replaceChildren(...made.chips);
  }

  function mark(look) {
    made.chips.forEach((chip, place) => {
      const { pressed, hidden = false } = look(place);
      chip.setAttribute("aria-pressed", pressed);
      chip.classList.toggle("hidden", hidden);
    });
  }

  element.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    made.chips[cursor].tabIndex = -1;
    cursor = Math.min(Math.max(cursor + step, 0), made.chips.length - 1);
    made.chips[cursor].tabIndex = 0;
    made.chips[cursor].focus();
  };
  return made;
}
