// @ts-check
// What stands on the page as SVG: boxes, words line by line, lines that are SVG already, and canvases as they draw.

import { add, coloursOf, fontOf, hatched, painted, rounded, SVG } from "./svg.js";
import { lettersOf } from "./words.js";

// What is drawn of an SVG on the page, and what says how.
const SHAPES = "path, line, rect, circle";
const LOOKS = ["stroke-width", "stroke-dasharray", "opacity", "stroke-linecap"];

/**
 * @typedef {object} Sheet
 * @property {Element} into
 * @property {Element} defs
 * @property {Record<string, string>} palette
 * @property {Map<Element, Element>} drawn each canvas as SVG
 */

/**
 * Draw an element and all in it.
 * @param {Element} element
 * @param {Sheet} sheet
 */
export function walk(element, sheet) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || style.clipPath !== "none") return;
  const box = grown(element);
  if (element instanceof SVGSVGElement) return lines(element, box, sheet);
  if (style.display !== "contents") dress(box, style, sheet);
  if (element instanceof HTMLCanvasElement) return placed(element, box, style, sheet);
  for (const child of element.childNodes) {
    if (child instanceof Element) walk(child, sheet);
    else if (child instanceof Text) words(child, style, sheet);
  }
  if (style.outlineStyle !== "none") {
    const offset = parseFloat(style.outlineOffset) + parseFloat(style.outlineWidth) / 2;
    border(box, offset, parseFloat(style.outlineWidth), style.outlineColor, style, sheet);
  }
}

// The box of an element; one that holds what scrolls sideways is as wide as if all of it were in sight.
function grown(element) {
  const { x, y, width, height } = element.getBoundingClientRect();
  const hidden = [element, ...element.querySelectorAll(".scroll")].map((each) =>
    each.matches(".scroll") ? each.scrollWidth - each.clientWidth : 0,
  );
  return new DOMRect(x, y, width + Math.max(...hidden), height);
}

// The ground, the picture on it, and the border.
function dress(box, style, { into, defs, palette }) {
  const rounding = Math.min(parseFloat(style.borderTopLeftRadius) || 0, box.height / 2) || undefined;
  const place = { x: box.x, y: box.y, width: box.width, height: box.height, rx: rounding };
  const ground = painted("fill", style.backgroundColor);
  const seen = ground["fill-opacity"] !== 0 && ground.fill !== "none" && box.width > 0 && box.height > 0;
  if (seen) add(into, "rect", { ...place, ...ground });
  const picture = style.backgroundImage;
  if (picture.includes("repeating-linear-gradient")) add(into, "rect", { ...place, fill: hatched(defs, palette) });
  else if (picture.startsWith("linear-gradient(to right top")) crossed(into, box, coloursOf(picture));
  else if (picture.startsWith("linear-gradient")) add(into, "rect", { ...place, fill: ramp(defs, coloursOf(picture)) });
  const edges = ["Top", "Right", "Bottom", "Left"].map((side) => ({
    side,
    wide: style[`border${side}Style`] === "none" ? 0 : parseFloat(style[`border${side}Width`]),
    colour: style[`border${side}Color`],
  }));
  const { wide: usual, colour: common } = edges[3];
  const whole = usual > 0 && edges.filter(({ wide }) => wide).length > 1;
  if (whole) border(box, -usual / 2, usual, common, style, { into });
  for (const { side, wide, colour } of edges) {
    if (wide && !(whole && wide === usual && colour === common)) edge(into, box, side, wide, colour);
  }
}

// A line around a box, `offset` outside of it.
function border({ x, y, width, height }, offset, wide, colour, style, { into }) {
  const dash = style.borderTopStyle === "dashed" ? `${3 * wide} ${2 * wide}` : undefined;
  const rounding = Math.min(parseFloat(style.borderTopLeftRadius) || 0, height / 2) + offset;
  const place = { x: x - offset, y: y - offset, width: width + 2 * offset, height: height + 2 * offset };
  const line = { ...painted("stroke", colour), "stroke-width": wide, "stroke-dasharray": dash };
  if (place.width <= 0 || place.height <= 0 || line["stroke-opacity"] === 0) return;
  add(into, "rect", { ...place, rx: rounding > 0 ? rounding : undefined, fill: "none", ...line });
}

function edge(into, { x, y, width, height }, side, wide, colour) {
  const across = side === "Top" || side === "Bottom";
  const place = {
    x: side === "Right" ? x + width - wide : x,
    y: side === "Bottom" ? y + height - wide : y,
    width: across ? width : wide,
    height: across ? wide : height,
  };
  add(into, "rect", { ...place, ...painted("fill", colour) });
}

// Colours from left to right, at even distances.
function ramp(defs, colours) {
  const id = `ramp-${defs.childElementCount}`;
  const gradient = add(defs, "linearGradient", { id });
  for (const [place, { colour }] of colours.entries()) {
    add(gradient, "stop", { offset: place / (colours.length - 1), "stop-color": colour });
  }
  return `url(#${id})`;
}

// A cell that is crossed out.
function crossed(into, { x, y, width, height }, colours) {
  const d = `M${rounded(x)} ${rounded(y)}l${rounded(width)} ${rounded(height)}m0 ${rounded(-height)}l${rounded(-width)} ${rounded(height)}`;
  const { colour } = colours.find(({ opacity }) => opacity > 0);
  add(into, "path", { d, fill: "none", stroke: colour, "stroke-width": 2 });
}

// A canvas as it was recorded, cut off at its own edges, and its border over it.
function placed(canvas, box, style, { into, defs, drawn }) {
  const group = drawn.get(canvas);
  if (!group?.childElementCount || !box.width || !box.height) return;
  const inset = style.borderTopStyle === "none" ? 0 : parseFloat(style.borderTopWidth);
  const [wide, high] = [box.width - 2 * inset, box.height - 2 * inset];
  const id = `canvas-${defs.childElementCount}`;
  add(add(defs, "clipPath", { id }), "rect", { width: canvas.width, height: canvas.height });
  const scale = `scale(${(wide / canvas.width).toFixed(5)} ${(high / canvas.height).toFixed(5)})`;
  group.setAttribute("transform", `translate(${rounded(box.x + inset)} ${rounded(box.y + inset)}) ${scale}`);
  group.setAttribute("clip-path", `url(#${id})`);
  into.append(group);
}

// Lines that are SVG on the page, with the looks that the style sheets give them.
function lines(svg, box, { into }) {
  const group = add(into, "g", { transform: `translate(${rounded(box.x)} ${rounded(box.y)})` });
  for (const shape of svg.querySelectorAll(SHAPES)) {
    const style = getComputedStyle(shape);
    const [fill, stroke] = [painted("fill", style.fill), painted("stroke", style.stroke)];
    const invisible = [fill.fill, stroke.stroke].every((colour) => colour === "none");
    if (invisible || stroke["stroke-opacity"] === 0) continue;
    const copy = document.createElementNS(SVG, shape.tagName);
    for (const name of ["d", "transform", "x1", "x2", "y1", "y2", "x", "y", "width", "height", "cx", "cy", "r"]) {
      const value = shape.getAttribute(name);
      if (value !== null) copy.setAttribute(name, value);
    }
    const looks = LOOKS.map((name) => [name, style.getPropertyValue(name)]);
    const named = looks.filter(([, value]) => value && value !== "none").map(([name, value]) => [name, bare(value)]);
    for (const [name, value] of [...Object.entries({ ...fill, ...stroke }), ...named]) {
      if (value !== undefined) copy.setAttribute(name, String(value));
    }
    group.append(copy);
  }
}

const bare = (value) => value.replaceAll("px", "");

function words(node, style, { into }) {
  for (const { text, box, direction } of lettersOf(node, style)) {
    const font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
    add(
      into,
      "text",
      {
        x: direction === "rtl" ? box.right : box.x,
        y: baseline(box, font),
        direction: direction === "rtl" ? "rtl" : undefined,
        textLength: box.width,
        lengthAdjust: "spacingAndGlyphs",
        ...fontOf(font),
        ...painted("fill", style.color),
        "text-decoration": style.textDecorationLine === "none" ? undefined : style.textDecorationLine,
        style: style.whiteSpace.startsWith("pre") ? "white-space: pre" : undefined,
      },
      text,
    );
  }
}

const pen = document.createElement("canvas").getContext("2d");

// The line on which the letters of a box stand.
function baseline({ y, height }, font) {
  pen.font = font;
  const { fontBoundingBoxAscent: above, fontBoundingBoxDescent: below } = pen.measureText("x");
  return y + (height - above - below) / 2 + above;
}
