// @ts-check
// A room's picture as one SVG: in the colours of print, whatever the theme, on white, with a caption under it.

import { paletteOf } from "../colour.js";
import { extent } from "./extent.js";
import { recorder } from "./recorder.js";
import { add, SVG } from "./svg.js";
import { walk } from "./walk.js";

const MARGIN = 16;
const CAPTION = { size: 12.5, line: 18, most: 4 };
const CONTROLS = "label, input, select, output, .unsaved";

/**
 * What of a room is saved, and what is said under it.
 * @typedef {object} Picture
 * @property {string} view the file's word for it
 * @property {string} [head] of the file's name, where that is not the one that Python names
 * @property {Element[]} parts
 * @property {string} [omit] what inside these is no part of the picture, as a selector
 * @property {string[]} said the caption, piece by piece
 */

/**
 * Draw a room's picture. It is drawn anew in the colours of print and put back before anything is painted on the screen.
 * @param {any} room
 * @param {Picture} picture
 */
export function printed(room, { parts, omit, said }) {
  const svg = document.createElementNS(SVG, "svg");
  const title = said.join(" · ");
  add(svg, "title", {}, title);
  const defs = add(svg, "defs");
  const into = add(svg, "g");
  inPrint(room, (hide) => {
    const { palette } = room;
    const drawn = recorded(parts, defs, palette, () => room.draw(performance.now()));
    // A list that was drawn anew has other controls.
    hide(parts.flatMap((part) => [...part.querySelectorAll(omit ? `${CONTROLS}, ${omit}` : CONTROLS)]));
    for (const part of parts) walk(part, { into, defs, palette, drawn });
    framed(svg, into, title, { palette, family: getComputedStyle(room.root).fontFamily });
  });
  return svg;
}

// The room in the colours of print while something is done, which may hide elements, and as it was after that.
function inPrint(room, act) {
  const { root, palette, moving } = room;
  const dark = root.classList.contains("dark");
  const scrolled = [...root.querySelectorAll("*")]
    .filter((each) => each.scrollTop)
    .map((each) => [each, each.scrollTop]);
  const print = paletteOf(root, "print-");
  root.style.transition = "none";
  for (const [name, colour] of Object.entries(print)) root.style.setProperty(`--sa-${name}`, colour);
  root.classList.remove("dark");
  root.classList.add("saving");
  const hidden = [];
  Object.assign(room, { palette: print, moving: true });
  try {
    act((elements) => {
      hidden.push(...elements);
      for (const element of elements) element.style.setProperty("display", "none", "important");
    });
  } finally {
    root.classList.remove("saving");
    for (const element of hidden) element.style.removeProperty("display");
    root.classList.toggle("dark", dark);
    for (const name of Object.keys(print)) root.style.removeProperty(`--sa-${name}`);
    for (const [element, top] of scrolled) element.scrollTop = top;
    room.palette = palette;
    room.draw(performance.now());
    room.moving = moving;
    // The colours are back before they may fade again.
    getComputedStyle(root).color;
    root.style.transition = "";
  }
}

// Each canvas as a group of an SVG: what it was asked to draw while `draw` ran.
function recorded(parts, defs, palette, draw) {
  const canvases = parts.flatMap((part) => [...(part.matches("canvas") ? [part] : part.querySelectorAll("canvas"))]);
  const groups = new Map();
  for (const canvas of canvases) {
    canvas.getContext = () => {
      const group = document.createElementNS(SVG, "g");
      groups.set(canvas, group);
      return recorder(group, defs, palette, canvas, 1 / devicePixelRatio);
    };
  }
  try {
    draw();
  } finally {
    for (const canvas of canvases) delete canvas.getContext;
  }
  return groups;
}

// White paper around all that was drawn, and the caption below.
function framed(svg, into, caption, { palette, family }) {
  const { left, top, right, bottom } = extent(svg, into);
  const [width, height] = [Math.ceil(right - left), Math.ceil(bottom - top)];
  const written = wrapped(caption, width, family);
  const size = [width + 2 * MARGIN, height + 2.5 * MARGIN + CAPTION.line * written.length];
  for (const [name, value] of Object.entries({ width: size[0], height: size[1], viewBox: `0 0 ${size.join(" ")}` })) {
    svg.setAttribute(name, String(value));
  }
  const paper = add(null, "rect", { width: size[0], height: size[1], fill: palette.panel });
  into.before(paper);
  into.setAttribute("transform", `translate(${MARGIN - left} ${MARGIN - top})`);
  const look = { "font-family": family.replaceAll('"', "'"), "font-size": CAPTION.size, fill: palette.quiet };
  for (const [place, line] of written.entries()) {
    const y = height + 1.5 * MARGIN + CAPTION.size + place * CAPTION.line;
    const fitted = { textLength: line.width, lengthAdjust: "spacingAndGlyphs" };
    add(svg, "text", { x: MARGIN, y, ...fitted, ...look }, line.text);
  }
}

// A text in lines that fit, each with its width; the last of too many ends with an ellipsis.
function wrapped(text, width, family) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${CAPTION.size}px ${family}`;
  const lines = [];
  let line = "";
  for (const { segment } of new Intl.Segmenter(undefined, { granularity: "word" }).segment(text)) {
    if (line.trim() && pen.measureText((line + segment).trimEnd()).width > width) {
      lines.push(line.trim());
      line = "";
    }
    line += segment;
  }
  lines.push(line.trim());
  if (lines.length > CAPTION.most) lines.splice(CAPTION.most - 1, Infinity, `${lines[CAPTION.most - 1]} …`);
  return lines.map((each) => ({ text: each, width: pen.measureText(each).width }));
}
