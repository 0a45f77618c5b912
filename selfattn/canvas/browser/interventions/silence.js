// @ts-check
// Every head of the model as a cell: a click silences it, its colour is what silencing it alone does.

import { fading, h, signed, write } from "../shared/dom.js";

const SMALLEST = 0.1; // the change that is drawn deepest where none is larger: noise shall not look like news
const DEEPEST = 45; // percent of colour behind a number: more would leave too little contrast to read it

/** The grid of heads: arrow keys move, Enter or Space silences. */
export function silence(scope) {
  const table = h("div", { class: "heads", role: "grid", "aria-label": "Heads to silence, layers in rows" });
  const legend = h("p", { class: "note" });
  const element = h("section", { class: "panel", "aria-label": "Silence heads" });
  element.append(
    h("h2", {}, "Silence heads", h("small", {}, "a click crosses a head out")),
    fading(h("div", { class: "scroll" }, table)),
    legend,
  );
  let [cells, size, cursor] = [[], "", [0, 0]];

  function build(layers, heads) {
    size = `${layers} ${heads}`;
    cursor = cursor[0] < layers.length && cursor[1] < heads ? cursor : [0, 0];
    table.style.setProperty("--heads", heads);
    const names = Array.from({ length: heads }, (_, head) => h("span", { role: "columnheader" }, String(head)));
    cells = layers.map((layer, row) => Array.from({ length: heads }, (_, head) => cell(layer, head, row)));
    const rows = cells.map((row, at) =>
      h(
        "div",
        { role: "row" },
        h("span", { role: "rowheader" }, String(layers[at])),
        ...row.map((button) => h("div", { role: "gridcell" }, button)),
      ),
    );
    const corner = h("span", { role: "columnheader", title: "layers down, heads across" }, "L \\ H");
    table.replaceChildren(h("div", { role: "row" }, corner, ...names), ...rows);
  }

  function cell(layer, head, row) {
    const button = h("button", { type: "button" });
    button.onclick = () => scope.act({ act: "silence", layer, head });
    button.onfocus = () => {
      cells[cursor[0]][cursor[1]].tabIndex = -1;
      cursor = [row, head];
      button.tabIndex = 0;
    };
    return button;
  }

  table.onkeydown = (event) => {
    const [row, column] = cursor;
    const to = {
      ArrowLeft: [row, column - 1],
      ArrowRight: [row, column + 1],
      ArrowUp: [row - 1, column],
      ArrowDown: [row + 1, column],
      Home: [row, 0],
      End: [row, cells[row].length - 1],
    }[event.key];
    if (!to) return;
    event.preventDefault();
    cells[to[0]]?.[to[1]]?.focus();
  };

  function draw() {
    const { about, pending } = scope;
    const { changes, silenced } = about.planes;
    const heads = changes.shape[1];
    if (size !== `${about.layers} ${heads}`) build(about.layers, heads);
    const most = changes.reduce((top, change) => Math.max(top, Math.abs(change) || 0), SMALLEST);
    cells.flat().forEach((button, place) => {
      const [row, head] = [Math.floor(place / heads), place % heads];
      const layer = about.layers[row];
      const clicks = pending.filter((each) => each.act === "silence" && each.layer === layer && each.head === head);
      const crossed = (silenced[place] + clicks.length) % 2 === 1;
      const known = !Number.isNaN(changes[place]);
      const share = known ? Math.abs(changes[place]) / most : 0;
      const rises = about.signed && changes[place] > 0;
      button.className = [rises ? "rises" : "falls", crossed ? "crossed" : ""].join(" ").trim();
      button.classList.toggle("shown", layer === about.layer && (about.head === null || head === about.head));
      button.style.setProperty("--share", `${Math.round(DEEPEST * share)}%`);
      button.setAttribute("aria-pressed", crossed);
      button.tabIndex = row === cursor[0] && head === cursor[1] ? 0 : -1;
      const alone = known ? `; alone ${signed(changes[place])}` : "";
      button.setAttribute("aria-label", `Layer ${layer}, head ${head}${crossed ? ", silenced" : ""}${alone}`);
      button.title = `Layer ${layer}, head ${head}${alone}`;
      write(button, known && !crossed ? short(changes[place], about.signed) : "");
    });
    write(legend, about.legend);
  }
  return { element, draw };
}

// Two decimals without the leading zero, as in "−.32"; a distance has no sign.
function short(value, withSign) {
  const written = Math.abs(value).toFixed(2).replace(/^0/, "");
  return written === ".00" ? "0" : `${value < 0 ? "−" : withSign ? "+" : ""}${written}`;
}
