// @ts-check
// A square of tokens by tokens on a canvas, with its names: cells in colours, hatched where there is nothing.

import { canvas, fresh, h, once, write } from "../shared/dom.js";
import { hatching } from "../shared/matrix.js";
import { drawColumns, drawRows } from "../shared/names.js";

const LINED = 7; // pixels of a cell below which lines between cells would hide them
const WRITTEN = 15; // pixels of a cell that a digit fits into

/**
 * A grid. `look()` gives {version, pixel(cell), digit(cell), said, label}: the colour of a cell as a pixel (0: hatched),
 * what is written in it, and what is said of all of them. `hands` does what the reader asks for: `press(row, column)`,
 * `drag(row, column)` and `lift()` by pointer, `name({row, column})` on a name (the other is -1), `key(event)`.
 */
export function grid(scope, name, title, look, hands = {}) {
  const again = () => scope.refresh();
  const spoken = { role: "application", "aria-roledescription": "grid" };
  const sheet = canvas({ class: `cells ${name}`, tabIndex: 0, ...spoken }, again);
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, again);
  const columns = canvas({ class: "names columns", "aria-hidden": "true" }, again);
  const note = h("small");
  const heading = h("h2", {}, title, note);
  const tools = h("div", { class: "tools" });
  const margin = h("div", { class: "margin" }, rows, h("small", {}, "attends from ↑"), h("small", {}, "attends to →"));
  const square = h("div", { class: "square" }, sheet, columns);
  const element = h("figure", { class: `grid ${name}`, "aria-label": title }, heading, tools, margin, square);
  const bitmap = document.createElement("canvas");
  let [drawn, inked] = [null, null];

  function place(event, box = sheet.getBoundingClientRect()) {
    const within = (share) => Math.min(Math.max(Math.floor(share * scope.count), 0), scope.count - 1);
    return [within((event.clientY - box.top) / box.height), within((event.clientX - box.left) / box.width)];
  }
  sheet.onpointermove = (event) => {
    const [row, column] = place(event);
    scope.point({ row, column });
    hands.drag?.(row, column);
  };
  sheet.onpointerdown = (event) => {
    const [row, column] = place(event);
    scope.pin({ row, column });
    if (!hands.press) return;
    if (event.isTrusted) sheet.setPointerCapture(event.pointerId);
    hands.press(row, column);
  };
  sheet.onpointerup = sheet.onpointercancel = () => hands.lift?.();
  for (const side of [rows, columns]) {
    const at = (event) => (side === rows ? { row: place(event)[0] } : { column: place(event)[1] });
    side.onpointermove = (event) => scope.point({ ...scope.pinned, ...at(event) });
    side.onpointerleave = () => scope.point(null);
    side.onclick = (event) => hands.name?.({ row: -1, column: -1, ...at(event) });
  }
  sheet.onpointerleave = () => scope.point(null);
  sheet.onkeydown = (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      event.preventDefault();
      const least = hands.name ? -1 : 0; // left of the cells and above them are the names
      const to = (now, by) => Math.min(Math.max(now + by, least), scope.count - 1);
      scope.pin({ row: to(scope.pinned.row, step[0]), column: to(scope.pinned.column, step[1]) });
    } else {
      hands.key?.(event);
    }
  };

  function draw() {
    const { cell, palette, about, count } = scope;
    const { version, pixel, digit, said, label } = look();
    write(note, said);
    sheet.ariaLabel = label;
    if (drawn !== version || inked !== palette.ink) {
      drawn = version;
      inked = palette.ink;
      Object.assign(bitmap, { width: count, height: count });
      const pixels = Uint32Array.from({ length: count * count }, (_, c) => pixel(c));
      bitmap.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), count, count), 0, 0);
    }
    once(sheet, [version, cell.row, cell.column, palette.ink], () => cells(digit));
    once(rows, [about, cell.row, palette.ink], () => drawRows(rows, about.queries, cell.row, palette));
    once(columns, [about, cell.column, palette.ink], () => drawColumns(columns, about.keys, cell.column, palette));
  }

  function cells(digit) {
    const context = fresh(sheet);
    if (!context) return;
    const { palette, count, cell } = scope;
    const { width, height } = sheet.box;
    const side = width / count;
    context.fillStyle = hatching(context, palette);
    context.fillRect(0, 0, width, height);
    context.imageSmoothingEnabled = side < 1;
    context.drawImage(bitmap, 0, 0, width, height);
    if (side >= LINED) lines(context, side);
    if (side >= WRITTEN && digit) digits(context, digit, side);
    context.strokeStyle = palette.ink;
    context.globalAlpha = 0.6;
    if (cell.row >= 0) context.strokeRect(0.5, cell.row * side + 0.5, width - 1, Math.max(side - 1, 2));
    context.globalAlpha = 0.25;
    if (cell.column >= 0) context.strokeRect(cell.column * side + 0.5, 0.5, Math.max(side - 1, 2), height - 1);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    const inside = Math.max(side - 2, 2);
    if (cell.row < 0 || cell.column < 0) return;
    context.strokeRect(cell.column * side + 1, cell.row * side + 1, inside, inside);
  }

  function lines(context, side) {
    context.fillStyle = scope.palette.panel;
    for (let place = 1; place < scope.count; place++) {
      context.fillRect(Math.round(place * side) - 0.5, 0, 1, sheet.box.height);
      context.fillRect(0, Math.round(place * side) - 0.5, sheet.box.width, 1);
    }
  }

  function digits(context, digit, side) {
    context.font = `${Math.min(side * 0.55, 13)}px ${getComputedStyle(sheet).fontFamily}`;
    Object.assign(context, { textAlign: "center", textBaseline: "middle" });
    for (let c = 0; c < scope.count ** 2; c++) {
      const { text, colour } = digit(c);
      if (!text) continue;
      context.fillStyle = colour;
      context.fillText(text, ((c % scope.count) + 0.5) * side, (Math.floor(c / scope.count) + 0.54) * side);
    }
  }
  return { element, tools, sheet, draw };
}
