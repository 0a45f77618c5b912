// @ts-check
// Attention over time: the sound above, and under it how much weight the chosen moment, or word, gives to each frame.

import { strongest } from "../shared/attend.js";
import { sequential } from "../shared/colour.js";
import { canvas, fraction, fresh, h, write } from "../shared/dom.js";
import { steps } from "../shared/steps.js";

const TICKS = [0.1, 0.25, 0.5, 1, 2, 5, 10]; // seconds from one mark of the axis to the next

/** The sound that the model heard, the frame that attends marked on it, and the weights below, in one time. */
export function frames(scope) {
  const sound = strip("The sound: choose the moment that attends", (query) => pin(query));
  const heard = strip("The weights: where it attends to", (key) => scope.pin({ query: scope.cell.query, key }));
  const said = h("p", { class: "note" });
  const over = h("figcaption");
  const element = h(
    "section",
    { class: "frames", "aria-label": "Sound" },
    h("figure", {}, over, sound),
    h("figure", {}, h("figcaption", {}, "Attends to"), heard),
    said,
  );
  sound.classList.add("query");
  heard.classList.add("weights");
  heard.onpointermove = (event) => scope.point({ query: null, key: frameAt(heard, event) });
  heard.onpointerleave = () => scope.point(null);

  function pin(query) {
    if (scope.head.sound.queries) scope.pin({ query, key: strongest(scope.head, query) });
  }

  function strip(name, choose) {
    const spoken = { role: "application", "aria-roledescription": "time line", "aria-label": name };
    const board = canvas({ tabIndex: 0, ...spoken }, () => scope.refresh());
    board.onclick = (event) => choose(frameAt(board, event));
    board.onkeydown = (event) => {
      const { query, key } = scope.cell;
      const next = steps(event, [0, board === heard ? key : query], [1, scope.head.shape[1]]);
      if (!next || event.key === "ArrowUp" || event.key === "ArrowDown") return;
      event.preventDefault();
      choose(next[1]);
    };
    return board;
  }

  function frameAt(board, event) {
    const { left, width } = board.getBoundingClientRect();
    const { seconds, rate } = scope.head.sound;
    const frame = Math.floor(((event.clientX - left) / width) * seconds * rate);
    return Math.min(Math.max(frame, 0), scope.head.shape[1] - 1);
  }

  function draw() {
    const { head, cell, palette } = scope;
    element.classList.toggle("from-words", !head.sound.queries);
    write(over, head.sound.queries ? "Attends from" : "The sound");
    drawSound(fresh(sound), sound.box, head, head.sound.queries ? cell.query : null, palette);
    drawWeights(fresh(heard), heard.box, head, cell, palette);
    const weight = fraction(head.weights[cell.query * head.shape[1] + cell.key]);
    const uniform = fraction(1 / head.allowed[cell.query]);
    write(said, `${head.queries[cell.query]} → ${head.keys[cell.key]}: ${weight}, uniform ${uniform}.`);
  }
  return { element, draw };
}

// The left edge of a frame, and how wide it is.
function placed({ seconds, rate }, frame, width) {
  const wide = width / (seconds * rate);
  return [frame * wide, wide];
}

function drawSound(context, { width, height }, { sound, wave, mel }, query, palette) {
  if (!context) return;
  const axis = 18;
  const high = height - axis - (sound.labels ? 18 : 0);
  context.fillStyle = palette.panel;
  context.fillRect(0, 0, width, height);
  if (mel) drawMel(context, mel, width, high, palette);
  else drawWave(context, wave, width, high, palette);
  if (query !== null) {
    const [left, wide] = placed(sound, query, width);
    context.fillStyle = palette.query;
    context.globalAlpha = 0.25;
    context.fillRect(left, 0, Math.max(wide, 2), high);
    context.globalAlpha = 1;
    context.fillRect(left + wide / 2 - 1, 0, 2, high);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  const { fontFamily } = getComputedStyle(context.canvas);
  context.font = `600 13px ${fontFamily}`;
  context.fillStyle = palette.ink;
  let free = -Infinity;
  sound.labels?.forEach((name, frame) => {
    const [left, wide] = placed(sound, frame, width);
    const [middle, half] = [left + wide / 2, context.measureText(name).width / 2];
    if (!name || middle - half < free) return; // what would touch the one before is read in the transcript
    context.fillText(name, middle, high + 3);
    free = middle + half + 2;
  });
  context.font = `12px ${fontFamily}`;
  context.fillStyle = palette.quiet;
  const step = TICKS.find((tick) => (tick / sound.seconds) * width > 44) ?? 30;
  for (let at = 0; at <= sound.seconds; at += step) {
    const x = (at / sound.seconds) * width;
    context.fillRect(x, height - axis, 1, 4);
    context.textAlign = x < 12 ? "left" : x > width - 24 ? "right" : "center";
    context.fillText(`${Number(at.toFixed(2))} s`, x, height - axis + 4);
  }
}

function drawWave(context, wave, width, height, palette) {
  const [, count] = wave.shape;
  const middle = height / 2;
  context.fillStyle = palette.quiet;
  for (let bin = 0; bin < count; bin++) {
    const [low, top] = [wave[bin], wave[count + bin]];
    const x = (bin / count) * width;
    context.fillRect(x, middle - top * middle, Math.max(width / count, 1), Math.max((top - low) * middle, 1));
  }
}

// Low tones at the bottom.
function drawMel(context, mel, width, height, palette) {
  const [bins, count] = mel.shape;
  const colours = sequential(palette, palette.ink);
  const pixels = new Uint32Array(bins * count);
  for (let bin = 0; bin < bins; bin++) {
    for (let at = 0; at < count; at++) pixels[(bins - 1 - bin) * count + at] = colours[mel[bin * count + at]];
  }
  const made = Object.assign(document.createElement("canvas"), { width: count, height: bins });
  made.getContext("2d").putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), count, bins), 0, 0);
  context.drawImage(made, 0, 0, width, height);
}

function drawWeights(context, { width, height }, { sound, weights, keep, shape: [, m] }, cell, palette) {
  if (!context) return;
  const row = weights.subarray(cell.query * m, cell.query * m + m);
  const most = row.reduce((a, b) => Math.max(a, b), 1e-9);
  context.fillStyle = palette.panel;
  context.fillRect(0, 0, width, height);
  for (let frame = 0; frame < m; frame++) {
    const [left, wide] = placed(sound, frame, width);
    const gap = wide > 4 ? 1 : 0;
    context.fillStyle = frame === cell.key ? palette.key : palette.weights;
    const size = (row[frame] / most) * (height - 18);
    if (keep[cell.query * m + frame]) context.fillRect(left, height - size, Math.max(wide - gap, 1), size);
  }
  context.fillStyle = palette.quiet;
  context.textBaseline = "top";
  context.font = `12px ${getComputedStyle(context.canvas).fontFamily}`;
  context.fillText(`0 to ${Number(most.toPrecision(3))}`, 4, 2);
}
