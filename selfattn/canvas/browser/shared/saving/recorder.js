// @ts-check
// A canvas that is drawn as SVG: what its drawing asks for is written down, so that words stay words and lines lines.

import { add, fontOf, hatched, painted, rounded } from "./svg.js";

const ANCHORS = { left: "start", start: "start", center: "middle", right: "end", end: "end" };

/**
 * A context whose drawing goes into `group`, in pixels of the canvas. All that it remembers (colours, letters, where it
 * stands) is held by a real context that nobody sees.
 * @param {Element} group
 * @param {Element} defs what is drawn by name: patterns and clips
 * @param {Record<string, string>} palette
 * @param {HTMLCanvasElement} canvas the one that is drawn
 * @param {number} scale how large a pixel of the canvas is drawn
 * @returns {CanvasRenderingContext2D}
 */
export function recorder(group, defs, palette, canvas, scale) {
  const held = document.createElement("canvas").getContext("2d");
  const parents = [group];
  let path = "";
  const parent = () => parents[parents.length - 1];

  const placed = () => {
    const { a, b, c, d, e, f } = held.getTransform();
    const still = a === 1 && b === 0 && c === 0 && d === 1 && e === 0 && f === 0;
    return still ? {} : { transform: `matrix(${[a, b, c, d, e, f].map((each) => each.toFixed(4)).join(" ")})` };
  };
  const filled = () => {
    // Every pattern here is the hatching of what is not there.
    if (typeof held.fillStyle !== "string") {
      return { fill: hatched(defs, palette, scale * Math.hypot(held.getTransform().a, held.getTransform().b)) };
    }
    return painted("fill", held.fillStyle, held.globalAlpha);
  };
  const stroked = () => {
    const dash = held.getLineDash().join(" ") || undefined;
    const line = { "stroke-width": held.lineWidth, "stroke-dasharray": dash };
    return { fill: "none", ...painted("stroke", String(held.strokeStyle), held.globalAlpha), ...line };
  };
  const box = (x, y, width, height) => ({
    x: Math.min(x, x + width),
    y: Math.min(y, y + height),
    width: Math.abs(width),
    height: Math.abs(height),
  });
  // Paper is white already: a ground over all of a canvas would be the picture's edge.
  const isGround = ({ x, y, width, height }) => {
    const { a, d } = held.getTransform();
    const whole = x <= 0 && y <= 0 && a * width >= canvas.width - 1 && d * height >= canvas.height - 1;
    return whole && String(held.fillStyle).toUpperCase() === palette.panel.toUpperCase();
  };
  const draw = (tag, attributes, text = "") => add(parent(), tag, { ...placed(), ...attributes }, text);

  const acts = {
    canvas,
    beginPath: () => {
      path = "";
    },
    moveTo: (x, y) => {
      path += `M${rounded(x)} ${rounded(y)}`;
    },
    // The first point of a path is where it begins.
    lineTo: (x, y) => {
      path += `${path ? "L" : "M"}${rounded(x)} ${rounded(y)}`;
    },
    bezierCurveTo: (...points) => {
      path += `C${points.map(rounded).join(" ")}`;
    },
    closePath: () => {
      path += "Z";
    },
    rect: (x, y, width, height) => {
      path += `M${rounded(x)} ${rounded(y)}h${rounded(width)}v${rounded(height)}h${rounded(-width)}Z`;
    },
    // Whole circles alone are drawn here.
    arc: (x, y, radius) => {
      const half = `a${rounded(radius)} ${rounded(radius)} 0 1 0`;
      path += `M${rounded(x - radius)} ${rounded(y)}${half} ${rounded(2 * radius)} 0${half} ${rounded(-2 * radius)} 0`;
    },
    fill: () => path && draw("path", { d: path, ...filled() }),
    stroke: () => path && draw("path", { d: path, ...stroked() }),
    clip: () => {
      const id = `clip-${defs.childElementCount}`;
      add(add(defs, "clipPath", { id }), "path", { d: path, ...placed() });
      parents[parents.length - 1] = add(parent(), "g", { "clip-path": `url(#${id})` });
    },
    save: () => {
      held.save();
      parents.push(parent());
    },
    restore: () => {
      held.restore();
      if (parents.length > 1) parents.pop();
    },
    clearRect: () => {},
    fillRect: (x, y, width, height) => {
      const place = box(x, y, width, height);
      if (width && height && held.globalAlpha && !isGround(place)) draw("rect", { ...place, ...filled() });
    },
    strokeRect: (x, y, width, height) => draw("rect", { ...box(x, y, width, height), ...stroked() }),
    fillText: (text, x, y) => {
      const measured = held.measureText(text);
      draw(
        "text",
        {
          x,
          y: y + alphabetic(held, measured),
          "text-anchor": ANCHORS[held.textAlign],
          textLength: measured.width || undefined,
          lengthAdjust: "spacingAndGlyphs",
          ...fontOf(held.font),
          ...painted("fill", String(held.fillStyle), held.globalAlpha),
        },
        String(text),
      );
    },
    drawImage: (source, ...places) => {
      const whole = [0, 0, source.width, source.height];
      const [sx, sy, sw, sh, x, y, width = sw, height = sh] = places.length > 4 ? places : [...whole, ...places];
      if (sw < 1 || sh < 1 || !width || !height) return;
      const crisp = !held.imageSmoothingEnabled;
      const shown =
        Math.max(width / sw, height / sh) * Math.hypot(held.getTransform().a, held.getTransform().b) * scale;
      const href = cutOut(source, [sx, sy, sw, sh], crisp ? shown : 1, held.filter);
      const look = { opacity: held.globalAlpha < 1 ? held.globalAlpha : undefined, preserveAspectRatio: "none" };
      draw("image", {
        ...box(x, y, width, height),
        href,
        ...look,
        style: crisp ? "image-rendering: pixelated" : undefined,
      });
    },
  };
  return new Proxy(held, {
    get(_, name) {
      const found = acts[name] ?? held[name];
      return typeof found === "function" && !(name in acts) ? found.bind(held) : found;
    },
    set(_, name, value) {
      held[name] = value;
      return true;
    },
  });
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
