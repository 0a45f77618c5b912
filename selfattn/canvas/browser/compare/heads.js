// @ts-check
// How far apart the heads read: a grid of layers and heads, and the same numbers in order. A click shows a head above.

import { canvas, fresh, h, number, once, write } from "../shared/dom.js";
import { Matrix } from "../shared/matrix.js";
import { drawRows, placed } from "../shared/names.js";
import { sortable } from "../shared/sortable.js";

const COLUMNS = [
  { name: "rank", of: (row) => row.rank, digits: 0 },
  { name: "layer, head", of: (row) => `${row.layer}, ${row.head}`, heads: true },
  { name: "bits", of: (row) => row.bits, symbol: "weights" },
];
const LEFT_OUT = { name: "left out", of: (row) => row.leftOut };
const PLACE = {
  at: (layer, head) => ({ query: layer, key: head }),
  mark: ({ query, key }) => ({ row: query, column: key }),
};

/** The panel; `open({layer, head})` is called with the head that the reader chooses. */
export function heads(scope, open) {
  const title = h("h2");
  const note = h("p", { class: "note" });
  const said = h("p", { class: "heard", role: "status", "aria-live": "polite" });
  const here = h("p", { class: "number", "aria-hidden": "true" });
  // The grid is a matrix whose rows are layers and whose columns are heads, with a cell of its own.
  const grid = {
    shown: null,
    pointed: null,
    still: { matches: true },
    moving: false,
    get palette() {
      return scope.palette;
    },
    get cell() {
      return this.pointed ?? this.shown;
    },
    point(cell) {
      this.pointed = cell;
      scope.refresh();
    },
    pin({ query: row, key: head }) {
      open({ layer: scope.about.heads.layers[row], head });
    },
    refresh: () => scope.refresh(),
  };
  const matrix = new Matrix(grid, { symbol: "weights", title: "Layers and heads", ...PLACE });
  const rows = canvas({ class: "names rows", "aria-hidden": "true" }, grid.refresh);
  const columns = canvas({ class: "names columns", "aria-hidden": "true" }, grid.refresh);
  matrix.element.append(columns);
  const beside = h("div", { class: "beside" }, h("small", {}, "layer ↓"), rows, h("small", {}, "head →"));
  const map = h("div", { class: "map" }, beside, matrix.element);
  const list = h("section", { class: "table", "aria-label": "Heads in order" });
  const body = h("div", { class: "halves" }, h("div", {}, map, here), list);
  const element = h("section", { class: "panel heads" }, title, note, body, said);
  let [made, table, order] = [null, null, []];

  function build(about) {
    made = about;
    const { bits, left_out: leftOut } = about.planes;
    const { ranking, layers } = about.heads;
    const count = bits.shape[1];
    order = ranking.map(([layer, head], place) => {
      const at = layers.indexOf(layer) * count + head;
      return { place: at, rank: place + 1, layer, head, bits: bits[at], leftOut: leftOut[at] };
    });
    const some = leftOut.some((share) => share >= 5e-4);
    const choose = (at) => open({ layer: layers[Math.floor(at / count)], head: at % count });
    table = sortable(some ? [...COLUMNS, LEFT_OUT] : COLUMNS, { name: "heads", choose });
    list.replaceChildren(table.element);
    // A grid of few heads is not blown up to the size of one of many.
    map.style.setProperty("--heads", count);
    map.style.setProperty("--layers", bits.shape[0]);
    matrix.canvas.ariaLabel = `${about.heads.title} ${bits.shape.join(" layers of ")} heads. Arrow keys move, Enter shows a head.`;
  }

  function draw(now) {
    const { about, palette } = scope;
    const { layers } = about.heads;
    const [layer, head] = [layers.indexOf(about.heads.at[0]), about.heads.at[1]];
    if (made !== about) build(about);
    grid.shown = { query: layer, key: head };
    const { bits } = about.planes;
    const count = bits.shape[1];
    write(title, about.heads.title);
    write(note, about.heads.note);
    const keep = Uint8Array.from(bits, (value) => (Number.isNaN(value) ? 0 : 1));
    const extent = ({ values }) => values.reduce((most, value) => Math.max(most, value || 0), 0) || 1;
    const look = { probability: true, extent, depth: "sqrt", note: (most) => `0 to ${number(most)} bits, √ colour` };
    matrix.draw({ values: bits, shape: bits.shape, keep, version: scope.opened, ...look }, now);
    const { query, key } = grid.cell;
    const across = Array.from({ length: count }, (_, place) => String(place));
    once(rows, [about, query, palette.ink], () => drawRows(rows, layers.map(String), query, palette));
    once(columns, [about, key, palette.ink], () => drawNumbers(columns, across, key, palette));
    const value = bits[query * count + key] ?? NaN;
    write(
      here,
      `layer ${layers[query]}, head ${key}: ${Number.isNaN(value) ? "nothing to compare" : `${number(value)} bits`}`,
    );
    write(said, grid.pointed ? here.textContent : "");
    table.draw("", order, layer * count + head);
  }
  return { element, draw };
}

// Numbers below columns, upright.
function drawNumbers(element, names, lit, palette) {
  const context = fresh(element);
  if (!context) return;
  Object.assign(context, { textAlign: "center", textBaseline: "middle" });
  for (const { name, at, lit: on } of placed(names, element.box.width, lit)) {
    context.fillStyle = on ? palette.ink : palette.quiet;
    context.font = `${on ? 600 : 400} 12px ${getComputedStyle(element).fontFamily}`;
    context.fillText(name, at, 9);
  }
}
