// @ts-check
// A canvas that is drawn as SVG: what its drawing asks for is written down, so that words stay words and lines lines.

import { add, fontOf, hatched, painted, rounded } from "./svg.js";

const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };

/**
 * A context whose drawing goes into `group`, in pixels of the canvas.
 * @param {Element} group
 * @param {Element} defs what is drawn by name: patterns and clips
 * @param {Record<string, string>} palette
 * @param {HTMLCanvasElement} canvas the one that is drawn
 * @param {number} pixel how large a pixel of the canvas is on the page
 * @returns {CanvasRenderingContext2D}
 */
export function recorder(group, defs, palette, canvas, pixel) {
  const made = new Recorder(group, defs, palette, canvas, pixel);
  const { held } = made;
  return new Proxy(held, {
    get(_, name) {
      const owner = name in made ? made : held;
      return typeof owner[name] === "function" ? owner[name].bind(owner) : owner[name];
    },
    set(_, name, value) {
      held[name] = value;
      return true;
    },
  });
}

/** What draws. All that a context remembers (colours, letters, where it stands) a real one holds that nobody sees. */
class Recorder {
  held = document.createElement("canvas").getContext("2d");
  #path = "";

  constructor(group, defs, palette, canvas, pixel) {
    this.canvas = canvas;
    this.defs = defs;
    this.palette = palette;
    this.pixel = pixel;
    /** Where it draws, and where it did before each `save`. */
    this.parents = [group];
  }

  save() {
    this.held.save();
    this.parents.push(this.parents.at(-1));
  }

  restore() {
    this.held.restore();
    if (this.parents.length > 1) this.parents.pop();
  }

  beginPath() {
    this.#path = "";
  }

  moveTo(x, y) {
    this.#path += `M${rounded(x)} ${rounded(y)}`;
  }

  // The first point of a path is where it begins.
  lineTo(x, y) {
    this.#path += `${this.#path ? "L" : "M"}${rounded(x)} ${rounded(y)}`;
  }

  bezierCurveTo(...points) {
    this.#path += `C${points.map(rounded).join(" ")}`;
  }

  rect(x, y, width, height) {
    this.#path += `M${rounded(x)} ${rounded(y)}h${rounded(width)}v${rounded(height)}h${rounded(-width)}Z`;
  }

  // Whole circles alone are drawn here.
  arc(x, y, radius) {
    const half = `a${rounded(radius)} ${rounded(radius)} 0 1 0`;
    this.#path += `M${rounded(x - radius)} ${rounded(y)}${half} ${rounded(2 * radius)} 0${half} ${rounded(-2 * radius)} 0`;
  }

  fill() {
    if (this.#path) this.#draw("path", { d: this.#path, ...this.#filled() });
  }

  stroke() {
    if (this.#path) this.#draw("path", { d: this.#path, ...this.#stroked() });
  }

  clip() {
    const id = `clip-${this.defs.childElementCount}`;
    add(add(this.defs, "clipPath", { id }), "path", { d: this.#path, ...this.#placed() });
    this.parents.push(add(this.parents.pop(), "g", { "clip-path": `url(#${id})` }));
  }

  // What is drawn anew is drawn on nothing.
  clearRect() {}

  fillRect(x, y, width, height) {
    const seen = width && height && this.held.globalAlpha && !this.#isGround(x, y, width, height);
    if (seen) this.#draw("rect", { ...upright(x, y, width, height), ...this.#filled() });
  }

  strokeRect(x, y, width, height) {
    this.#draw("rect", { ...upright(x, y, width, height), ...this.#stroked() });
  }

  fillText(text, x, y) {
    const { held } = this;
    const measured = held.measureText(text);
    const place = { x, y: y + alphabetic(held, measured), "text-anchor": ANCHORS[held.textAlign] };
    const fitted = { textLength: measured.width || undefined, lengthAdjust: "spacingAndGlyphs" };
    const ink = painted("fill", String(held.fillStyle), held.globalAlpha);
    this.#draw("text", { ...place, ...fitted, ...fontOf(held.font), ...ink }, String(text));
  }

  drawImage(source, ...places) {
    const { held } = this;
    const whole = [0, 0, source.width, source.height];
    const [sx, sy, sw, sh, x, y, width = sw, height = sh] = places.length > 4 ? places : [...whole, ...places];
    if (sw < 1 || sh < 1 || !width || !height) return;
    const crisp = !held.imageSmoothingEnabled;
    const shown = this.#size() * Math.max(width / sw, height / sh);
    this.#draw("image", {
      ...upright(x, y, width, height),
      href: cutOut(source, [sx, sy, sw, sh], crisp ? shown : 1, held.filter),
      preserveAspectRatio: "none",
      opacity: held.globalAlpha < 1 ? held.globalAlpha : undefined,
      style: crisp ? "image-rendering: pixelated" : undefined,
    });
  }

  #draw(tag, attributes, text = "") {
    add(this.parents.at(-1), tag, { ...this.#placed(), ...attributes }, text);
  }

  #placed() {
    const { a, b, c, d, e, f, isIdentity } = this.held.getTransform();
    return isIdentity ? {} : { transform: `matrix(${[a, b, c, d, e, f].map((each) => each.toFixed(4)).join(" ")})` };
  }

  // How large a length of the drawing is on the page.
  #size() {
    const { a, b } = this.held.getTransform();
    return this.pixel * Math.hypot(a, b);
  }

  #filled() {
    const { fillStyle, globalAlpha } = this.held;
    // Every pattern here is the hatching of what is not there.
    if (typeof fillStyle !== "string") return { fill: hatched(this.defs, this.palette, this.#size()) };
    return painted("fill", fillStyle, globalAlpha);
  }

  #stroked() {
    const { strokeStyle, globalAlpha, lineWidth } = this.held;
    const dash = this.held.getLineDash().join(" ") || undefined;
    const line = { "stroke-width": lineWidth, "stroke-dasharray": dash };
    return { fill: "none", ...painted("stroke", String(strokeStyle), globalAlpha), ...line };
  }

  // Paper is white already: a ground over all of a canvas would be the picture's edge.
  #isGround(x, y, width, height) {
    const { a, d } = this.held.getTransform();
    const { canvas } = this;
    const whole = x <= 0 && y <= 0 && a * width >= canvas.width - 1 && d * height >= canvas.height - 1;
    return whole && String(this.held.fillStyle).toUpperCase() === this.palette.panel.toUpperCase();
  }
}

// A box whose sides may have been counted backwards.
function upright(x, y, width, height) {
  const [left, top] = [Math.min(x, x + width), Math.min(y, y + height)];
  return { x: left, y: top, width: Math.abs(width), height: Math.abs(height) };
}

// How far below a place letters stand: programs agree on the alphabetic line alone.
function alphabetic(context, measured) {
  const line = context.textBaseline;
  context.textBaseline = "alphabetic";
  const { fontBoundingBoxAscent } = context.measureText("x");
  context.textBaseline = line;
  return fontBoundingBoxAscent - measured.fontBoundingBoxAscent;
}

/**
 * Part of a picture as a PNG's address. A cell that is drawn large is several pixels large here too: some programs blur
 * what they enlarge.
 */
function cutOut(source, [x, y, width, height], shown, filter) {
  const times = Math.max(1, Math.min(Math.ceil(2 * shown), Math.floor(2048 / Math.max(width, height))));
  const sheet = document.createElement("canvas");
  Object.assign(sheet, { width: Math.ceil(width) * times, height: Math.ceil(height) * times });
  const context = sheet.getContext("2d");
  Object.assign(context, { imageSmoothingEnabled: false, filter });
  context.drawImage(source, x, y, width, height, 0, 0, sheet.width, sheet.height);
  return sheet.toDataURL();
}
