// @ts-check
// Attention over a picture: the patch or word that attends, the patches that it attends to, and those that all attend to.

import { strongest } from "../shared/attend.js";
import { DEPTHS } from "../shared/colour.js";
import { canvas, fraction, fresh, h, number, write } from "../shared/dom.js";
import { label } from "../shared/extent.js";
import { boxOf, cellBox, layersOf, onPicture, tokenAt } from "../shared/laid.js";
import { steps } from "../shared/steps.js";

// Share of the picture that shows through under the weights' colour, and of the colour over it.
const [DIMMED, DEEPEST] = [0.35, 0.88];
const HIGHEST = 24; // rem: a picture that is higher than wide stays within a screen

/** The picture as the model saw it, three times for each layer of its crops: as it is, of the chosen row, and of all. */
export function patches(scope) {
  const said = h("p", { class: "note" });
  const element = h("section", { class: "patches", "aria-label": "Picture" });
  let [seen, structure, sheets] = [null, "", []];
  let [picture, on, drawn, mean] = [null, null, null, null];

  function build(head) {
    seen = head;
    picture = bitmap(head);
    on = { queries: onPicture(head.image.queries, head.shape[0]), keys: onPicture(head.image.keys, head.shape[1]) };
    drawn = mean = null;
    const key = JSON.stringify([head.image, head.pixels.shape]);
    if (key === structure) return;
    structure = key;
    const layers = layersOf(head.image.keys);
    // Queries and keys lie alike, where both do.
    const of = (layer) => ["from", "to", "all"].map((kind) => sheet(scope, kind, layer, () => ({ picture, on })));
    const made = layers.map(of);
    const rows = made.map((row) => h("div", { class: "patches-layer" }, ...row.map((each) => each.element)));
    sheets = made.flat();
    element.replaceChildren(...rows, said);
  }

  function draw() {
    const { head, view, cell } = scope;
    if (seen !== head) build(head);
    const [, m] = head.shape;
    const row = head.weights.subarray(cell.query * m, cell.query * m + m);
    if (drawn?.version !== scope.version || drawn.query !== cell.query || drawn.range !== view.range) {
      const most = view.range === "all" ? 1 : reach(head, on, view.range === "row" ? [cell.query] : alike());
      drawn = { version: scope.version, query: cell.query, range: view.range, most };
    }
    if (mean?.version !== scope.version) mean = { version: scope.version, ...means(head, on) };
    const depth = DEPTHS[view.colour];
    const looks = {
      from: { place: cell.query, note: head.image.queries && head.image.words ? "choose a word, or a patch" : "" },
      to: {
        place: cell.key,
        depth: (place) => depth(Math.min(row[place] / drawn.most, 1)),
        note: label({ ...view, range: view.range === "row" ? "head" : view.range }, "weights", drawn.most, [1, 1]),
      },
      all: {
        place: cell.key,
        depth: (place) => depth(Math.min(mean.values[place] / mean.top, 1)),
        note: `0 to ${Number(mean.top.toPrecision(3))}`,
      },
    };
    for (const each of sheets) each.draw(looks[each.kind]);
    write(said, sentence(head, on, cell));
  }

  // The rows that stand for the same as the chosen one: words beside words, patches beside patches.
  function alike() {
    const kind = on.queries[scope.cell.query];
    return [...on.queries.keys()].filter((query) => on.queries[query] === kind);
  }
  return { element, draw };
}

const TITLES = { from: "Attends from", to: "Attends to", all: "All rows, mean" };

// One copy of the picture with the crops of a layer, and below it the tokens beside the picture that are no word.
function sheet(scope, kind, { name, crops }, shared) {
  const side = kind === "from" ? "query" : "key";
  const still = kind === "from" && !scope.head.image.queries;
  const title = still ? "The picture" : kind === "all" && scope.head.image.words ? "All words, mean" : TITLES[kind];
  const said = name ? `${title}, ${name}` : title;
  const note = h("small");
  const others = h("div", {
    class: "patches-others",
    role: "group",
    "aria-label": `${said}: tokens beside the picture`,
  });
  const spoken = still
    ? { role: "img", "aria-label": said }
    : { tabIndex: 0, role: "application", "aria-roledescription": "picture", "aria-label": said };
  const board = canvas({ class: still ? "still" : side, ...spoken }, () => scope.refresh());
  const element = h("figure", { class: still ? "still" : side }, h("figcaption", {}, said, note), board, others);
  const [high, wide] = scope.head.pixels.shape;
  board.style.aspectRatio = `${wide} / ${high}`;
  board.style.width = `min(100%, ${((HIGHEST * wide) / high).toFixed(2)}rem)`;
  let [made, buttons] = [null, []];
  if (!still) listen();

  function choose(place) {
    if (place === null) return;
    if (side === "query") scope.pin({ query: place, key: strongest(scope.head, place) });
    else scope.pin({ query: scope.cell.query, key: place });
  }

  function listen() {
    const point = (place) => place !== null && scope.point({ query: null, key: place });
    board.onpointermove = (event) => side === "key" && point(under(event));
    board.onpointerleave = () => scope.point(null);
    board.onclick = (event) => choose(under(event));
    board.onkeydown = (event) => {
      const next = stepped(event, crops, scope.cell[side]);
      if (next === null) return;
      event.preventDefault();
      choose(next);
    };
  }

  function under(event) {
    const box = board.getBoundingClientRect();
    return tokenAt(crops, (event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  }

  function build(head) {
    made = head;
    const names = side === "query" ? head.queries : head.keys;
    const on = shared().on[side === "query" ? "queries" : "keys"];
    const beside = head.image.words || still ? [] : [...names.keys()].filter((place) => !on[place]);
    const one = (place) => h("button", { type: "button", value: place, onclick: () => choose(place) }, names[place]);
    buttons = beside.map(one);
    others.replaceChildren(...buttons);
  }

  function draw({ place, depth = null, note: words }) {
    const { head, palette } = scope;
    if (made !== head) build(head);
    write(note, words);
    const context = fresh(board);
    if (!context) return;
    const { width, height } = board.box;
    /** @type {(box: number[]) => [number, number, number, number]} */
    const placed = ([x, y, across, down]) => [x * width, y * height, across * width, down * height];
    drawPicture(context, [width, height], shared().picture, depth ? palette.panel : null);
    context.fillStyle = palette.weights;
    for (const crop of crops) {
      for (let cell = 0; depth && cell < crop.cells.length; cell++) {
        if (crop.cells[cell] < 0) continue;
        context.globalAlpha = DEEPEST * depth(crop.cells[cell]);
        if (context.globalAlpha) context.fillRect(...placed(cellBox(crop, cell)));
      }
    }
    context.globalAlpha = 1;
    if (crops.length > 1) for (const { box } of crops) frame(context, placed, box, palette.quiet);
    const box = still ? null : boxOf(crops, place);
    if (box) outline(context, placed(box), palette[side], palette.panel);
    for (const button of buttons) {
      const index = Number(button.value);
      button.ariaPressed = String(index === place);
      button.style.setProperty("--weight", depth ? `${Math.round(50 * depth(index))}%` : "0%");
    }
  }
  return { kind, element, draw };
}

/** @type {Record<string, [number, number]>} */
const WAYS = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };

// Where an arrow key leads from a token: within its crop, and over its edge into the next one.
function stepped(event, crops, token) {
  const crop = crops.find(({ cells }) => cells.includes(token)) ?? crops[0];
  const cell = Math.max(crop.cells.indexOf(token), 0);
  /** @type {[number, number]} */
  const at = [Math.floor(cell / crop.columns), cell % crop.columns];
  const next = steps(event, at, [crop.rows, crop.columns]);
  if (!next) return null;
  const inside = crop.cells[next[0] * crop.columns + next[1]];
  if (next[0] !== at[0] || next[1] !== at[1] || !WAYS[event.key]) return inside;
  const [left, top, wide, high] = cellBox(crop, cell);
  const [right, down] = WAYS[event.key];
  return tokenAt(crops, left + wide * (0.5 + right), top + high * (0.5 + down)) ?? inside;
}

// The largest weight that some rows give to a patch.
function reach({ weights, shape: [, m] }, on, rows) {
  let most = 0;
  for (const query of rows) {
    for (let key = 0; key < m; key++)
      if (on.keys[key] && weights[query * m + key] > most) most = weights[query * m + key];
  }
  return most || 1;
}

// What each key gets on average: of all rows that may attend to something; among words, of those that see the picture.
function means({ weights, keep, allowed, image, shape: [n, m] }, on) {
  const values = new Float64Array(m);
  const sees = (query) => on.keys.some((patch, key) => patch && keep[query * m + key]);
  const counts = (query) => (image.words ? !on.queries[query] && sees(query) : allowed[query] > 0);
  const rows = Array.from({ length: n }, (_, query) => query).filter(counts);
  for (const query of rows) for (let key = 0; key < m; key++) values[key] += weights[query * m + key] / rows.length;
  const top = values.reduce((most, value, key) => (on.keys[key] && value > most ? value : most), 1e-9);
  return { values, top };
}

// The cell, and how much of its row lies on the picture, beside what would by a uniform row.
function sentence(head, on, { query, key }) {
  const { weights, keep, allowed, image, queries, keys, shape } = head;
  const m = shape[1];
  const row = weights.subarray(query * m, query * m + m);
  const seen = on.keys.reduce((count, patch, place) => count + (patch && keep[query * m + place] ? 1 : 0), 0);
  if (!seen) return `${queries[query]} stands before the picture, and cannot see it: choose a word after it.`;
  const uniform = keep[query * m + key] ? 1 / allowed[query] : 0;
  const cell = `${queries[query]} → ${keys[key]}: ${fraction(row[key])}, uniform ${fraction(uniform)}`;
  const share = row.reduce((sum, weight, place) => sum + (on.keys[place] ? weight : 0), 0);
  if (image.words) {
    return `${cell}. Of this row ${number(share, 2)} lies on the picture, uniform ${number(seen / allowed[query], 2)}.`;
  }
  const beside = [...keys.keys()].filter((place) => !on.keys[place]);
  const off = beside.reduce((sum, place) => sum + row[place], 0);
  const names = beside.map((place) => keys[place]).join(", ");
  return beside.length ? `${cell}, ${number(off, 2)} of this row on ${names}.` : `${cell}.`;
}

function bitmap({ pixels }) {
  const [height, width] = pixels.shape;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    image.data.set([pixels[3 * place], pixels[3 * place + 1], pixels[3 * place + 2], 255], 4 * place);
  }
  const made = Object.assign(document.createElement("canvas"), { width, height });
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

// The picture over the whole board; on `ground`, grey and faint, where weights lie over it.
function drawPicture(context, [width, height], picture, ground) {
  context.imageSmoothingEnabled = picture.width > width / 2;
  if (ground) {
    context.fillStyle = ground;
    context.fillRect(0, 0, width, height);
    context.globalAlpha = DIMMED;
    context.filter = "grayscale(1)";
  }
  context.drawImage(picture, 0, 0, width, height);
  context.filter = "none";
  context.globalAlpha = 1;
}

function frame(context, placed, [left, top, right, bottom], colour) {
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.strokeRect(...placed([left, top, right - left, bottom - top]));
}

// Two lines, light and dark: seen on any picture.
/** @type {(context: CanvasRenderingContext2D, box: number[], colour: string, paper: string) => void} */
function outline(context, [x, y, wide, high], colour, paper) {
  context.lineWidth = 4;
  context.strokeStyle = paper;
  context.strokeRect(x, y, wide, high);
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.strokeRect(x, y, wide, high);
}
