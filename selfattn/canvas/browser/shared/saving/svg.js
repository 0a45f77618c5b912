// @ts-check
// Elements of an SVG. Text is set as text, and what looks like markup in it stays text.

export const SVG = "http://www.w3.org/2000/svg";
const COLOURS = /(?:rgba?|color)\([^()]*\)|#[0-9a-f]{6}/gi;

/**
 * An element of an SVG, the last of `parent`; what is undefined is left out.
 * @param {Element | null} parent
 * @param {string} tag
 * @param {Record<string, any>} attributes
 * @param {string} text
 * @returns {SVGElement}
 */
export function add(parent, tag, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) element.setAttribute(name, typeof value === "number" ? rounded(value) : value);
  }
  if (text) element.textContent = legal(text);
  parent?.append(element);
  return element;
}

// Control characters and halves of surrogate pairs may stand in no XML.
function legal(text) {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.toWellFormed().replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd");
}

/** A number as short as it can be, to a hundredth. */
export function rounded(value) {
  return String(Math.round(value * 100) / 100);
}

/**
 * All colours of a CSS value, as every program reads them: {colour: "#rrggbb", opacity}.
 * @param {string} value
 */
export function coloursOf(value) {
  return (value.match(COLOURS) ?? []).map((each) => {
    if (each.startsWith("#")) return { colour: each, opacity: 1 };
    const numbers = (each.match(/[\d.]+(?:e-?\d+)?/g) ?? []).map(Number);
    // "color(srgb 1 0 0)" is what a mixture of two colours is computed to, "rgb(255, 0, 0)" all others.
    const bytes = numbers.slice(0, 3).map((part) => Math.round(each.startsWith("color") ? 255 * part : part));
    const hex = bytes.map((byte) => Math.min(byte, 255).toString(16).padStart(2, "0"));
    return { colour: `#${hex.join("")}`, opacity: numbers[3] ?? 1 };
  });
}

/**
 * A property that paints, "fill" or "stroke", with its opacity where that is not whole.
 * @param {"fill" | "stroke"} property
 * @param {string} value
 */
export function painted(property, value, share = 1) {
  const [found] = coloursOf(value);
  if (!found) return { [property]: "none" };
  const opacity = found.opacity * share;
  return { [property]: found.colour, [`${property}-opacity`]: opacity < 1 ? opacity : undefined };
}

/**
 * Hatching, six pixels a line, for what is not there; `scale` is how large a pixel is drawn there. Returns its name.
 * @param {Element} defs
 * @param {Record<string, string>} palette
 */
export function hatched(defs, palette, scale = 1) {
  const id = `hatch-${rounded(scale).replace(".", "-")}`;
  if (defs.querySelector(`[id="${id}"]`)) return `url(#${id})`;
  const turned = `scale(${1 / scale})`;
  const size = { width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: turned };
  const pattern = add(defs, "pattern", { id, ...size });
  add(pattern, "rect", { width: 6, height: 6, fill: palette.panel });
  const lines = "M -1 1 L 1 -1 M -1 7 L 7 -1 M 5 7 L 7 5";
  add(pattern, "path", { d: lines, fill: "none", stroke: palette.quiet, "stroke-opacity": 0.55 });
  return `url(#${id})`;
}

/** A font's letters as attributes: "italic 600 12px Source Sans, sans-serif" as a canvas has it. */
export function fontOf(font) {
  const [, style, weight, size, family] = /^(italic )?(?:normal )*(bold |\d+ )?([\d.]+)px (.*)$/.exec(font) ?? [];
  return {
    "font-family": family?.replaceAll('"', "'"),
    "font-size": Number(size ?? 12),
    "font-weight": weight?.trim(),
    "font-style": style?.trim(),
  };
}
