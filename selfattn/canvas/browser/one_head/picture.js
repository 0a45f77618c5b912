// @ts-check
// The stages as a file: an SVG whose words are text and whose matrices keep one pixel a cell, or the same as a PNG.

import { placed, size } from "../shared/names.js";

const SVG = "http://www.w3.org/2000/svg";
const SHARPER = 3;
// Room for words that stand out from the strip on both sides.
const MARGIN = 40;

/** Save the strip of stages as it stands, as "svg" or "png". */
export async function save(scope, strip, kind) {
  const svg = drawn(scope, strip);
  const text = new Blob([new XMLSerializer().serializeToString(svg)], { type: "image/svg+xml" });
  const blob = kind === "svg" ? text : await raster(text, svg.width.baseVal.value, svg.height.baseVal.value);
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: `selfattn.${kind}`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

async function raster(svg, width, height) {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  await image.decode();
  URL.revokeObjectURL(image.src);
  const canvas = Object.assign(document.createElement("canvas"), { width: width * SHARPER, height: height * SHARPER });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

function add(parent, tag, attributes, text = "") {
  const element = parent.appendChild(document.createElementNS(SVG, tag));
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

/** The strip of stages as an SVG element. */
export function drawn({ head, cell, palette }, strip) {
  const frame = strip.getBoundingClientRect();
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("width", String(Math.ceil(frame.width) + 2 * MARGIN));
  svg.setAttribute("height", String(Math.ceil(frame.height)));
  add(svg, "rect", { width: "100%", height: "100%", fill: palette.paper });
  const within = (element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x - frame.x + MARGIN, y: y - frame.y, width, height };
  };
  for (const part of strip.querySelectorAll(".matrix > canvas:not(.names)")) {
    const box = within(part);
    add(svg, "image", {
      ...box,
      href: part.toDataURL(),
      preserveAspectRatio: "none",
      style: "image-rendering: pixelated",
    });
    const { borderTopColor: stroke, borderTopWidth } = getComputedStyle(part);
    add(svg, "rect", { ...box, fill: "none", stroke, "stroke-width": parseFloat(borderTopWidth) });
  }
  for (const caption of strip.querySelectorAll("figcaption, .margin small")) words(svg, caption, within(caption));
  const ink = (lit) => ({ fill: lit ? palette.ink : palette.quiet, "font-weight": lit ? 600 : 400 });
  const font = { "font-family": "sans-serif", "text-anchor": "end", "dominant-baseline": "central" };
  const rows = within(strip.querySelector(".rows"));
  for (const { name, at, lit } of placed(head.queries, rows.height, cell.query)) {
    const place = { x: rows.x + rows.width - 4, y: rows.y + at, "font-size": size(rows.height / head.queries.length) };
    add(svg, "text", { ...font, ...ink(lit), ...place }, short(name));
  }
  for (const columns of [...strip.querySelectorAll(".columns")].map(within)) {
    for (const { name, at, lit } of placed(head.keys, columns.width, cell.key)) {
      const turn = { transform: `translate(${columns.x + at} ${columns.y + 3}) rotate(-90)` };
      add(
        svg,
        "text",
        { ...font, ...ink(lit), ...turn, "font-size": size(columns.width / head.keys.length) },
        short(name),
      );
    }
  }
  return svg;
}

function short(name) {
  return [...name].length > 8 ? `${[...name].slice(0, 7).join("")}…` : name;
}

// A caption's title and the small note below it, in their own letters.
function words(svg, caption, { x, y, width }) {
  const notes = caption.matches("small") ? [caption] : [caption.firstChild, caption.querySelector("small")];
  for (const note of notes) {
    const style = getComputedStyle(note.nodeType === Node.TEXT_NODE ? caption : note);
    const pixels = parseFloat(style.fontSize);
    const look = {
      fill: style.color,
      "font-family": style.fontFamily,
      "font-size": pixels,
      "font-style": style.fontStyle,
    };
    const below = note !== notes[0] ? parseFloat(getComputedStyle(caption).fontSize) * 1.2 : 0;
    const right = getComputedStyle(caption).textAlign === "right";
    const place = { x: right ? x + width : x, y: y + below + pixels, "text-anchor": right ? "end" : "start" };
    add(svg, "text", { ...place, ...look }, note.textContent);
  }
}
