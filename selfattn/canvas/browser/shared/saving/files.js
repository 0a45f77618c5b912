// @ts-check
// A picture as a file: the SVG itself, a PNG that the browser makes of it, or that PNG on the clipboard.

const SHARPER = 2;
const LARGEST = 16384; // pixels a side that every browser draws

/** @param {SVGSVGElement} svg */
export function asSvg(svg) {
  return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
}

/**
 * The picture in pixels, two a side for each of the page's, in the page's own letters.
 * @param {SVGSVGElement} svg
 * @returns {Promise<Blob>}
 */
export async function asPng(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const own = /** @type {SVGSVGElement} */ (svg.cloneNode(true));
  own.prepend(await letters(new XMLSerializer().serializeToString(svg)));
  const image = new Image();
  image.src = URL.createObjectURL(asSvg(own));
  await image.decode();
  const times = Math.min(SHARPER, LARGEST / Math.max(width, height));
  const size = { width: Math.round(width * times), height: Math.round(height * times) };
  const canvas = Object.assign(document.createElement("canvas"), size);
  canvas.getContext("2d").drawImage(image, 0, 0, size.width, size.height);
  URL.revokeObjectURL(image.src);
  return new Promise((done, fail) =>
    canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("The picture is too large for a PNG."))), "image/png"),
  );
}

// The letters that the page was sent, as a style of the SVG: a picture may ask nothing of the page that it stands on.
async function letters(text) {
  const rules = [...document.styleSheets].flatMap((sheet) => [...readable(sheet)]);
  const faces = rules.filter((rule) => rule instanceof CSSFontFaceRule && named(rule, text));
  const style = document.createElementNS("http://www.w3.org/2000/svg", "style");
  style.textContent = (await Promise.all(faces.map(embedded))).join("\n");
  return style;
}

// The rules of a sheet; those of another site nobody may read.
function readable(sheet) {
  try {
    return sheet.cssRules;
  } catch {
    return [];
  }
}

function named(rule, text) {
  const family = rule.style.getPropertyValue("font-family").replaceAll(/["']/g, "");
  const slanted = rule.style.getPropertyValue("font-style") === "italic";
  return text.includes(family) && (!slanted || text.includes('"italic"'));
}

async function embedded(rule) {
  const [, address] = /url\(["']?([^"')]+)/.exec(rule.style.getPropertyValue("src")) ?? [];
  if (!address) return "";
  const bytes = await (await fetch(new URL(address, rule.parentStyleSheet.href ?? document.baseURI))).blob();
  const reader = new FileReader();
  await new Promise((done) => {
    reader.onloadend = done;
    reader.readAsDataURL(bytes);
  });
  return rule.cssText.replace(address, String(reader.result));
}

/**
 * Give a file to the reader.
 * @param {Blob} blob
 * @param {string} name
 */
export function give(blob, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

/** Whether this page may put pictures on the clipboard: one without https may not. */
export function mayCopy() {
  return Boolean(navigator.clipboard?.write && window.ClipboardItem);
}

/**
 * Put a PNG on the clipboard. What is still being made is promised: a browser forgets that the reader has clicked.
 * @param {Promise<Blob>} png
 */
export function copy(png) {
  return navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
}
