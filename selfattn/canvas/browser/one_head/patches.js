// @ts-check
// Attention over a picture: the patch that attends, the patches that it attends to, and those that all attend to.

import { strongest } from "../shared/attend.js";
import { DEPTHS } from "../shared/colour.js";
import { canvas, fraction, fresh, h, number, write } from "../shared/dom.js";
import { extent, label } from "../shared/extent.js";
import { steps } from "../shared/steps.js";

// Share of the picture that shows through under the weights' colour, and of the colour over it.
const [DIMMED, DEEPEST] = [0.35, 0.88];

/** The picture as the model saw it, once for each; where words attend to it, without the first. */
export function patches(scope) {
  const from = sheet("Attends from", "query", ({ query }) => scope.pin({ query, key: strongest(scope.head, query) }));
  const to = sheet("Attends to", "key", ({ key }) => scope.pin({ query: scope.cell.query, key }));
  const all = sheet("All rows, mean", "key", ({ key }) => scope.pin({ query: scope.cell.query, key }));
  const said = h("p", { class: "note" });
  const sheets = [from, to, all].map((each) => each.element);
  const element = h("section", { class: "patches", "aria-label": "Picture" }, ...sheets, said);

  let mean = null;

  function draw() {
    const { head, view, cell } = scope;
    from.element.hidden = !head.image.queries;
    const [n, m] = head.shape;
    const start = cell.query * m;
    const row = {
      values: head.weights.subarray(start, start + m),
      shape: [1, m],
      keep: head.keep.subarray(start, start + m),
    };
    const whole = { values: head.weights, shape: [n, m], keep: head.keep };
    const most =
      view.range === "row" ? extent(head, { range: "head" }, "weights", row) : extent(head, view, "weights", whole);
    if (mean?.head !== head || mean.version !== scope.version)
      mean = { head, version: scope.version, values: means(head) };
    const top = mean.values.reduce((a, b) => Math.max(a, b), 1e-9);
    all.draw(cell.key, (place) => DEPTHS[view.colour](mean.values[place] / top));
    write(all.note, `0 to ${Number(top.toPrecision(3))}`);
    if (head.image.queries) from.draw(cell.query, null);
    to.draw(cell.key, (place) => DEPTHS[view.colour](Math.min(row.values[place] / most, 1)));
    write(to.note, label(view, "weights", most, [1, 1]));
    const before = head.image.prefix ? `, ${share(head, cell.query)}` : "";
    const weight = `${fraction(head.weights[start + cell.key])}, uniform ${fraction(1 / head.allowed[cell.query])}`;
    write(said, `${head.queries[cell.query]} → ${head.keys[cell.key]}: ${weight}${before}.`);
  }

  // One copy of the picture: its patches, and before it the tokens that are no patch.
  function sheet(title, side, choose) {
    const note = h("small");
    const others = h("div", {
      class: "patches-others",
      role: "group",
      "aria-label": `${title}: tokens before the picture`,
    });
    const spoken = { role: "application", "aria-roledescription": "picture", "aria-label": title };
    const board = canvas({ tabIndex: 0, class: side, ...spoken }, () => scope.refresh());
    const element = h("figure", { class: side }, h("figcaption", {}, title, note), board, others);
    const point = (place) => scope.point(side === "query" ? { query: place, key: null } : { query: null, key: place });
    board.onpointermove = (event) => side === "key" && point(placeAt(event));
    board.onpointerleave = () => scope.point(null);
    board.onclick = (event) => choose({ [side]: placeAt(event) });
    board.onkeydown = (event) => {
      const { rows, columns, prefix } = scope.head.image;
      const now = Math.max(scope.cell[side] - prefix, 0);
      const next = steps(event, [Math.floor(now / columns), now % columns], [rows, columns]);
      if (!next) return;
      event.preventDefault();
      choose({ [side]: prefix + next[0] * columns + next[1] });
    };
    let [made, picture, buttons] = [null, null, []];

    function placeAt(event) {
      const { rows, columns, prefix } = scope.head.image;
      const box = board.getBoundingClientRect();
      const within = (share, count) => Math.min(Math.max(Math.floor(share * count), 0), count - 1);
      const row = within((event.clientY - box.top) / box.height, rows);
      return prefix + row * columns + within((event.clientX - box.left) / box.width, columns);
    }

    function build(head) {
      made = head;
      const { prefix, rows, columns } = head.image;
      const names = side === "query" ? head.queries : head.keys;
      const one = (name, place) => h("button", { type: "button", onclick: () => choose({ [side]: place }) }, name);
      buttons = names.slice(0, prefix).map(one);
      others.replaceChildren(...buttons);
      board.style.aspectRatio = `${columns} / ${rows}`;
      picture = bitmap(head);
    }

    function draw(place, depth) {
      const { head, palette } = scope;
      if (made !== head) build(head);
      const context = fresh(board);
      if (!context) return;
      const { prefix, rows, columns } = head.image;
      const { width, height } = board.box;
      const [wide, high] = [width / columns, height / rows];
      context.imageSmoothingEnabled = head.pixels.shape[1] > width / 2;
      if (depth) {
        context.fillStyle = palette.panel;
        context.fillRect(0, 0, width, height);
        context.globalAlpha = DIMMED;
        context.filter = "grayscale(1)";
      }
      context.drawImage(picture, 0, 0, width, height);
      context.filter = "none";
      context.fillStyle = palette.weights;
      for (let patch = 0; depth && patch < rows * columns; patch++) {
        context.globalAlpha = DEEPEST * depth(prefix + patch);
        context.fillRect((patch % columns) * wide, Math.floor(patch / columns) * high, wide, high);
      }
      context.globalAlpha = 1;
      if (place >= prefix) {
        const patch = place - prefix;
        const box = [(patch % columns) * wide, Math.floor(patch / columns) * high, wide, high];
        outline(context, box, palette[side], palette.panel);
      }
      buttons.forEach((button, index) => {
        button.ariaPressed = String(index === place);
        button.style.setProperty("--weight", depth ? `${Math.round(50 * depth(index))}%` : "0%");
      });
    }
    return { element, draw, note };
  }
  return { element, draw };
}

// What each key gets of all rows that may attend to something, on average.
function means({ weights, allowed, shape: [n, m] }) {
  const values = new Float64Array(m);
  const rows = allowed.reduce((count, keys) => count + (keys > 0), 0);
  for (let i = 0, c = 0; i < n; i++) for (let j = 0; j < m; j++, c++) values[j] += weights[c] / rows;
  return values;
}

// How much of the row's weight falls on tokens that are no patch: it is not on the picture.
function share({ weights, keys, image, shape: [, m] }, query) {
  const off = weights.subarray(query * m, query * m + image.prefix).reduce((sum, weight) => sum + weight, 0);
  return `${number(off, 2)} of this row on ${keys.slice(0, image.prefix).join(", ")}`;
}

function bitmap({ pixels }) {
  const [height, width] = pixels.shape;
  const image = new ImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    image.data.set([pixels[3 * place], pixels[3 * place + 1], pixels[3 * place + 2], 255], 4 * place);
  }
  const made = Object.assign(document.createElement("canvas"), { width, height });
  made.getContext("2d").putImageData(image, 0, 0);
  return made;
}

// Two lines, light and dark: seen on any picture.
/** @type {(context: CanvasRenderingContext2D, box: number[], colour: string, paper: string) => void} */
function outline(context, [x, y, wide, high], colour, paper) {
  context.lineWidth = 4;
  context.strokeStyle = paper;
  context.strokeRect(x, y, wide, high);
  context.lineWidth = 2;
  context.strokeStyle = colour;
  context.strokeRect(x, y, wide, high);
}
