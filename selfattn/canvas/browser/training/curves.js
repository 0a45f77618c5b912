// @ts-check
// The patterns of all heads over the steps, on a logarithmic axis: the chosen head strong, the others faint.

import { canvas, fresh, h, number, once, write } from "../shared/dom.js";
import { capital, named, ON, some, stepOf } from "./words.js";

const EDGE = { left: 30, right: 50, top: 10, bottom: 20 };
const NEAR = 9; // pixels to a curve that is meant
const TITLES = { induction: "Induction", previous: "Previous token", entropy: "Entropy" };

/** A chart for each pattern. */
export function curves(scope) {
  const element = h("div", { class: "curves" });
  let charts = [];

  function draw() {
    const { patterns } = scope.history;
    if (patterns.length !== charts.length) {
      charts = patterns.map((_, pattern) => chart(scope, pattern));
      element.replaceChildren(...charts.map((each) => each.element));
    }
    for (const each of charts) each.draw();
  }
  return { element, draw };
}

function chart(scope, pattern) {
  const { name, meaning } = scope.history.patterns[pattern];
  const board = canvas({ tabIndex: 0, role: "slider" }, () => scope.refresh());
  const said = h("p", { class: "note" });
  const title = h("h2", {}, TITLES[name]);
  const element = h(
    "section",
    { class: "panel curve" },
    title,
    h("p", { class: "note" }, `${meaning}; on ${ON[name]}`),
    board,
    said,
  );
  board.ariaLabel = `${TITLES[name]} of every head over the steps`;
  board.ariaValueMin = "0";

  board.onfocus = () => scope.choose({ lead: pattern });
  board.onpointerdown = (event) => {
    board.setPointerCapture(event.pointerId);
    const { history } = scope;
    const at = under(event);
    const place = closest(history, pattern, at, event.offsetY, board.box);
    scope.choose({ lead: pattern, ...place });
    scope.go(at, { moving: true });
  };
  board.onpointermove = (event) => event.buttons && scope.go(under(event), { moving: true });
  board.onkeydown = (event) => {
    const { at, history } = scope;
    const leads = {
      ArrowLeft: at - 1,
      ArrowDown: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at + 1,
      Home: 0,
      End: history.last,
    };
    if (!(event.key in leads)) return;
    event.preventDefault();
    scope.go(leads[event.key]);
  };

  function under({ offsetX }) {
    return scope.history.nearest((offsetX - EDGE.left) / (board.box.width - EDGE.left - EDGE.right));
  }

  function draw() {
    const { history, at, layer, head, lead, palette } = scope;
    element.classList.toggle("lead", lead === pattern);
    board.ariaValueMax = String(history.last);
    board.ariaValueNow = String(at);
    const { uniform } = history.patterns[pattern];
    const value = number(history.value(pattern, { layer, head }, at), 2);
    const now = `${named({ layer, head })}: ${value}, even attention ${number(uniform, 2)}`;
    board.ariaValueText = `${stepOf(history, at)}: ${now}`;
    const sudden = history.sudden(pattern, { layer, head });
    write(said, `${capital(now)}. ${sudden ? leap(history, pattern, { layer, head }, sudden) : ""}`);
    once(board, [history, at, layer, head, palette.ink], () => paint(board, scope, pattern, sudden));
  }
  return { element, draw };
}

/** The sudden change in words. */
function leap(history, pattern, place, { from, to }) {
  const [before, after] = [from, to].map((at) => number(history.value(pattern, place, at), 2));
  const [first, last] = [from, to].map((at) => some(history.steps[at]));
  const kind = history.patterns[pattern].name === "induction" ? "Phase change" : "Fastest change";
  return `${kind}, shaded: ${before} to ${after} between steps ${first} and ${last}.`;
}

/** The head whose curve passes near a height at a step; none where all are far. */
function closest(history, pattern, at, y, { height }) {
  const away = (place) => Math.abs(high(history.value(pattern, place, at), height) - y);
  const best = history.places.reduce((near, place) => (away(place) < away(near) ? place : near));
  return away(best) <= NEAR ? best : {};
}

function high(value, height) {
  return EDGE.top + (1 - value) * (height - EDGE.top - EDGE.bottom);
}

function paint(board, { history, at, layer, head, palette }, pattern, sudden) {
  const context = fresh(board);
  if (!context) return;
  const { width, height } = board.box;
  const across = (step) => EDGE.left + history.along(step) * (width - EDGE.left - EDGE.right);
  const x = (each) => across(history.steps[each]);
  const y = (value) => high(value, height);
  const { uniform } = history.patterns[pattern];
  context.font = `11.5px ${getComputedStyle(board).fontFamily}`;
  axes(context, { history, across, y, width, height, palette });
  if (sudden) {
    context.fillStyle = palette.weights;
    context.globalAlpha = 0.12;
    context.fillRect(x(sudden.from), y(1), x(sudden.to) - x(sudden.from), y(0) - y(1));
    context.globalAlpha = 1;
  }
  for (const [step] of history.events) vertical(context, across(step), y, palette.quiet, [2, 3]);
  line(context, [x(0), x(history.last)], [y(uniform), y(uniform)], { colour: palette.ink, dash: [5, 4], wide: 1 });
  const draw = (place, style) => line(context, history.steps.map(across), history.curve(pattern, place).map(y), style);
  const places = history.places.filter((place) => place.layer !== layer || place.head !== head);
  // Many together are no darker than few.
  const alpha = Math.max(0.15, Math.min(0.5, 4 / places.length));
  for (const place of places) draw(place, { colour: palette.quiet, wide: 1.25, alpha });
  draw({ layer, head }, { colour: palette.weights, wide: 2.5 });
  vertical(context, x(at), y, palette.ink, []);
  const value = history.value(pattern, { layer, head }, at);
  context.fillStyle = palette.weights;
  context.beginPath();
  context.arc(x(at), y(value), 4, 0, 2 * Math.PI);
  context.fill();
  ends(context, { history, pattern, places, chosen: { layer, head }, left: x(history.last) + 5, y, palette });
}

/** The names of the chosen head and of the other that ends farthest from even attention, beside their ends. */
function ends(context, { history, pattern, places, chosen, left, y, palette }) {
  const end = (place) => history.value(pattern, place, history.last);
  const far = (place) => Math.abs(end(place) - history.patterns[pattern].uniform);
  const other = places.reduce((best, place) => (best && far(best) >= far(place) ? best : place), null);
  context.textBaseline = "middle";
  context.textAlign = "left";
  const label = (place, colour) => {
    context.fillStyle = colour;
    context.fillText(named(place), left, y(end(place)));
  };
  if (other && Math.abs(y(end(other)) - y(end(chosen))) > 12) label(other, palette.quiet);
  label(chosen, palette.weights);
}

function axes(context, { history, across, y, width, height, palette }) {
  context.fillStyle = palette.quiet;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of [0, 0.5, 1]) {
    context.fillText(value, EDGE.left - 7, y(value));
    line(context, [EDGE.left, width - EDGE.right], [y(value), y(value)], { colour: palette.line, wide: 1 });
  }
  context.textBaseline = "bottom";
  context.textAlign = "center";
  const most = history.steps[history.last];
  for (let step = 1; step <= most; step *= 10) context.fillText(some(step), across(step), height);
  context.fillText("0", across(0), height);
  if (most > 2.5 * 10 ** Math.floor(Math.log10(most))) context.fillText(some(most), across(most), height);
}

function vertical(context, x, y, colour, dash) {
  line(context, [x, x], [y(1), y(0)], { colour, dash, wide: 1 });
}

function line(context, xs, ys, { colour, wide, dash = [], alpha = 1 }) {
  context.strokeStyle = colour;
  context.lineWidth = wide;
  context.globalAlpha = alpha;
  context.setLineDash(dash);
  context.beginPath();
  for (const [place, x] of xs.entries()) context.lineTo(x, ys[place]);
  context.stroke();
  context.setLineDash([]);
  context.globalAlpha = 1;
}
