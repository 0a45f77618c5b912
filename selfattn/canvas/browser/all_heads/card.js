// @ts-check
// The head that is pointed at, enlarged: its weights with their tokens, and its patterns beside their baselines.

import { sequential } from "../shared/colour.js";
import { h, number, write } from "../shared/dom.js";
import { badgesOf, measured, most, short } from "./order.js";

const LINE = 11; // pixels that a token's name needs
const MOST = 92; // pixels of its longest part that is drawn

/** The card. */
export function card(scope) {
  const title = h("h2");
  const badges = h("p", { class: "badges" });
  const canvas = h("canvas", { role: "img" });
  const note = h("p", { class: "note" });
  const list = h("div", { class: "bars" });
  const open = h("button", { type: "button", class: "open", onclick: () => scope.choose(scope.at) }, "Open this head");
  const foot = h("p", { class: "note" }, "The tick is even attention under the same mask.");
  const element = h("section", { class: "card", "aria-label": "The head pointed at" });
  element.append(title, badges, canvas, note, list, foot, open);
  let bars = [];
  let made = null;

  function draw() {
    const { about, at } = scope;
    if (made !== about) build();
    write(title, `Layer ${at.layer}, head ${at.head}`);
    const found = badgesOf(about, at);
    badges.replaceChildren(...found.map(({ name, value }) => h("b", {}, `${name} ${short(value)}`)));
    if (found.length === 0) badges.append(`no pattern goes ${short(about.least)} of the way from even to all`);
    for (const { name, top, row, fill, tick, written } of bars) {
      const { value, baseline } = measured(about, at, name);
      row.classList.toggle("chosen", name === scope.view.pattern);
      fill.style.width = `${100 * Math.min(1, value / top || 0)}%`;
      tick.hidden = Number.isNaN(baseline);
      tick.style.left = `${100 * Math.min(1, baseline / top || 0)}%`;
      write(written, number(value));
      row.ariaLabel = `${name} ${number(value)}, even attention ${number(baseline)}`;
    }
    canvas.ariaLabel = `Weights of layer ${at.layer}, head ${at.head}`;
    enlarge(canvas, list.clientWidth, scope);
  }

  function build() {
    made = scope.about;
    bars = scope.about.patterns.map(({ name, meaning, share }) => {
      const [fill, tick, written] = [h("i"), h("b"), h("span", { class: "number" })];
      const label = h("span", { class: "name" }, share ? name : `${name} (tokens)`);
      const row = h(
        "div",
        { class: "row", role: "img", title: meaning },
        label,
        h("div", { class: "bar" }, fill, tick),
      );
      row.append(written);
      return { name, top: most(scope.about, name), row, fill, tick, written };
    });
    list.replaceChildren(...bars.map(({ row }) => row));
    const [down, across] = scope.about.pooled;
    const pooled = down * across > 1 ? `, pooled ${down} × ${across}, maximum` : "";
    write(note, `Rows attend to columns; √ colour${pooled}.`);
  }
  return { element, draw };
}

/** The head's picture in whole cells, with as many names of tokens as can be read. */
function enlarge(canvas, wide, { about, at, palette }) {
  const [, heads, rows, columns] = about.planes.pictures.shape;
  const context = canvas.getContext("2d");
  const font = `10.5px ${getComputedStyle(canvas).fontFamily}`;
  context.font = font;
  const longest = (names) =>
    Math.min(MOST, Math.ceil(Math.max(0, ...names.map((name) => context.measureText(name).width))));
  const [left, top] = [about.queries, about.keys].map((names) => (names.length ? longest(names) + 6 : 0));
  // A picture far from square would be a thread: its cells may be oblong.
  const width = wide - left;
  const height = Math.min(1.25 * width, Math.max(0.12 * width, (width * rows) / columns));
  const ratio = devicePixelRatio;
  Object.assign(canvas, { width: Math.round(wide * ratio), height: Math.round((top + height + 1) * ratio) });
  Object.assign(canvas.style, { width: `${wide}px`, height: `${top + height + 1}px` });
  context.scale(ratio, ratio);
  context.imageSmoothingEnabled = columns > width * ratio;
  context.drawImage(
    one(about.planes.pictures, about.layers.indexOf(at.layer) * heads + at.head, palette),
    left,
    top,
    width - 1,
    height,
  );
  context.strokeStyle = palette.quiet;
  context.strokeRect(left + 0.5, top + 0.5, width - 1.5, height - 0.5);
  Object.assign(context, { font, fillStyle: palette.ink, textBaseline: "middle", textAlign: "right" });
  each(about.queries, height, (name, y) => context.fillText(cut(context, name), left - 5, top + y));
  context.textAlign = "left";
  each(about.keys, width, (name, x) => {
    context.save();
    context.translate(left + x, top - 4);
    context.rotate(-Math.PI / 2);
    context.fillText(cut(context, name), 0, 0);
    context.restore();
  });
}

function each(names, length, write) {
  const skip = Math.max(1, Math.ceil((LINE * names.length) / length));
  for (let n = 0; n < names.length; n += skip) write(names[n], ((n + 0.5) * length) / names.length);
}

function cut(context, name) {
  if (context.measureText(name).width <= MOST) return name;
  const letters = [...name];
  while (letters.length > 1 && context.measureText(`${letters.join("")}…`).width > MOST) letters.pop();
  return `${letters.join("")}…`;
}

function one(pictures, picture, palette) {
  const [, , rows, columns] = pictures.shape;
  const canvas = new OffscreenCanvas(columns, rows);
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const colours = sequential(palette);
  const start = picture * rows * columns;
  for (let cell = 0; cell < pixels.length; cell++) pixels[cell] = colours[pictures[start + cell]];
  context.putImageData(image, 0, 0);
  return canvas;
}
