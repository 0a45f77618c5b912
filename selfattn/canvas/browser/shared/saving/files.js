// @ts-check
// A picture as a file: the SVG itself, a PNG that the browser makes of it, or that PNG on the clipboard.

const SHARPER = 2;
const LARGEST = 16384; // pixels a side that every browser draws

/** @param {SVGSVGElement} svg */
export function asSvg(svg) {
  return new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
}

/**
 * The picture in pixels, two a side for each of the page's.
 * @param {SVGSVGElement} svg
 * @returns {Promise<Blob>}
 */
export async function asPng(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const image = new Image();
  image.src = URL.createObjectURL(asSvg(svg));
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
