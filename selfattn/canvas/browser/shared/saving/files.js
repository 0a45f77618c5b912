// @ts-check
// A picture as a file: the SVG itself, what the browser makes of it (a PNG, a printed page), or a PNG on the clipboard.

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

/**
 * Print a picture on one page of its own size, which every browser saves as a PDF too, with lines and letters as such.
 * @param {SVGSVGElement} svg
 * @param {string} name what the browser calls the file, unless the reader does
 */
export async function print(svg, name) {
  const frame = document.createElement("iframe");
  Object.assign(frame, { className: "printed", tabIndex: -1, ariaHidden: "true" });
  frame.style.cssText = "position: fixed; right: 0; bottom: 0; width: 0; height: 0; border: 0";
  document.body.append(frame);
  const { contentDocument: page, contentWindow: view } = frame;
  const { width, height } = svg.viewBox.baseVal;
  const style = page.createElement("style");
  // A page that is a fraction of a pixel too short would be followed by an empty one.
  style.textContent = `@page { size: ${Math.ceil(width)}px ${Math.ceil(height) + 1}px; margin: 0 }
    body { margin: 0; print-color-adjust: exact; -webkit-print-color-adjust: exact } svg { display: block }`;
  page.head.append(style);
  page.body.append(page.importNode(svg, true));
  await Promise.allSettled([...page.querySelectorAll("image")].map((image) => /** @type {any} */ (image).decode?.()));
  // Some browsers name the file by the page around it.
  const title = document.title;
  page.title = document.title = name;
  view.onafterprint = () => {
    document.title = title;
    frame.remove();
  };
  view.focus();
  view.print();
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
