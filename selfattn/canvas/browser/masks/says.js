// @ts-check
// What the mask does, in words and numbers: who is heard, what it costs, and all of it as a table.

import { h, write } from "../shared/dom.js";
import { titled } from "../shared/names.js";
import { mention } from "../shared/sortable.js";
import { cost, heardAfter, NEVER } from "./reach.js";

const KERNELS = "A kernel that leaves out hidden pairs does this much; masking after the product does all pairs.";
const NAMED = 3; // tokens with nothing to attend to that are called by name

/** The tokens, coloured by when the chosen one hears from them, and the sentence about it. */
export function heard(scope) {
  const line = h("div", { class: "tokens", role: "toolbar", "aria-label": "Who is heard" });
  const sentence = h("p", { class: "sentence", role: "status", "aria-live": "polite" });
  const empty = h("p", { class: "note empty" });
  const element = h("section", { class: "panel who", "aria-label": "Who is heard" }, line, sentence, empty);
  let [names, chips, followed] = [null, [], null];

  function build() {
    names = scope.about.queries.join("\n");
    chips = scope.about.queries.map((name, row) => {
      const chosen = () => ({ row, column: Math.max(scope.pinned.column, 0) });
      return h(
        "button",
        {
          type: "button",
          dir: "auto",
          title: titled(name, scope.about.notes?.queries[row]),
          tabIndex: -1,
          onclick: () => scope.pin(chosen()),
          onpointerenter: () => scope.point(chosen()),
          onpointerleave: () => scope.point(null),
        },
        h("span", {}, name),
        h("small"),
      );
    });
    line.replaceChildren(...chips);
  }
  line.onkeydown = (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = chips[Math.max(scope.pinned.row, 0) + (step ?? NaN)];
    if (!next) return;
    event.preventDefault();
    scope.pin({ row: chips.indexOf(next), column: Math.max(scope.pinned.column, 0) });
    next.focus();
  };

  // The chosen token comes into sight where the line scrolls.
  function follow(chip) {
    if (!chip || chip === followed) return;
    followed = chip;
    line.scrollTop = chip.offsetTop - line.clientHeight / 2;
  }

  function draw() {
    const { about, cell, count, first, after, deepest, head } = scope;
    if (names !== about.queries.join("\n")) build();
    const row = Math.max(cell.row, 0);
    chips.forEach((chip, column) => {
      const layer = first[row * count + column];
      const there = layer <= after;
      const share = layer === 0 ? 100 : 70 - 50 * (after > 1 ? (layer - 1) / (after - 1) : 0);
      chip.style.setProperty("--heard", `${there ? Math.round(share) : 0}%`);
      chip.classList.toggle("chosen", column === row);
      chip.classList.toggle("never", layer === NEVER);
      chip.tabIndex = column === Math.max(scope.pinned.row, 0) ? 0 : -1;
      chip.setAttribute("aria-pressed", column === row);
      const when = layer === NEVER ? "never heard" : layer === 0 ? "itself" : `heard from layer ${layer}`;
      chip.title = `${mention(about.queries[row])} and ${mention(about.keys[column])}: ${when}`;
      write(chip.lastChild, layer === NEVER ? "–" : layer === 0 ? "" : String(layer));
    });
    follow(chips[scope.pinned.row]);
    const now = heardAfter(first, count, row, after);
    const ever = heardAfter(first, count, row, deepest);
    const late = lastLayer(first.subarray(row * count, row * count + count));
    const more = late > after ? `; all ${ever} that it can ever hear after ${late}` : "";
    const most = ever < count ? ` ${count - ever} ${count - ever === 1 ? "stays" : "stay"} out of reach.` : "";
    const who = `“${mention(about.queries[row])}”`;
    write(sentence, `${who} has heard from ${now} of ${count} ${about.unit} after ${layers(after)}${more}.${most}`);
    const rows = Array.from({ length: count }, (_, i) => i).filter((i) => head.allowed[i] === 0);
    empty.hidden = !rows.length;
    const listed = rows
      .slice(0, NAMED)
      .map((i) => `“${mention(about.queries[i])}”`)
      .join(", ");
    const others = rows.length > NAMED ? ` and ${rows.length - NAMED} more` : "";
    write(empty, `${listed}${others} may attend to nothing: zeros there, and only the residual goes on.`);
  }
  return { element, draw };
}

// The last layer of a row at which something new is heard.
function lastLayer(row) {
  return row.reduce((most, layer) => (layer !== NEVER && layer > most ? layer : most), 0);
}

function layers(count) {
  return `${count} ${count === 1 ? "layer" : "layers"}`;
}

/** The multiply-adds, beside those of the model's own mask and of all pairs. */
export function costs(scope) {
  const body = h("tbody");
  const names = ["this mask", "the model’s own", "all pairs"];
  const columns = [h("td"), ...names.map((name) => h("th", { scope: "col" }, name))];
  const formula = h("p", { class: "note" });
  const element = h(
    "section",
    { class: "panel costs", tabIndex: 0, "aria-label": "What it costs" },
    h("h2", {}, "What it costs"),
    h("table", {}, h("thead", {}, h("tr", {}, ...columns)), body),
    formula,
  );

  function draw() {
    const { about, head, allowed, own, count } = scope;
    const size = { d: head.d, dv: head.dv, heads: about.heads, layers: about.layers };
    const three = [allowed, own, new Uint8Array(count * count).fill(1)].map((keep) => cost(keep, size));
    const share = (part, whole) => h("small", {}, `${Math.round((100 * part) / whole)}%`);
    const cell = (value, whole) => h("td", {}, value.toLocaleString("en"), share(value, whole));
    const row = (name, of) =>
      h("tr", {}, h("th", { scope: "row" }, name), ...three.map((each) => cell(of(each), of(three[2]))));
    body.replaceChildren(
      row("pairs", (each) => each.pairs),
      row("multiply-adds, a head", (each) => each.head),
      row(`all ${about.heads} heads × ${layers(about.layers)}`, (each) => each.model),
    );
    write(formula, `Pairs × (d_k ${head.d} + d_v ${head.dv}): the products with keys and with values. ${KERNELS}`);
  }
  return { element, draw };
}

/** Everything as a table: a line a token. */
export function table(scope) {
  const head = h("thead");
  const body = h("tbody");
  const frame = h("div", { class: "scroll", tabIndex: 0 }, h("table", {}, head, body));
  const again = () => scope.refresh();
  const element = h("details", { class: "panel", ontoggle: again }, h("summary", {}, "As a table"), frame);

  function draw() {
    if (!element.open) return;
    const { about, count, first, after, head: numbers } = scope;
    const steps = Array.from({ length: Math.max(after, 1) }, (_, step) => step + 1);
    const names = ["token", "may attend to", ...steps.map((step) => `heard after ${step}`)];
    head.replaceChildren(h("tr", {}, ...names.map((name) => h("th", { scope: "col" }, name))));
    const rows = about.queries.map((name, row) => {
      const cells = [numbers.allowed[row], ...steps.map((step) => heardAfter(first, count, row, step))];
      const title = h("th", { scope: "row", dir: "auto" }, name);
      return h("tr", {}, title, ...cells.map((value) => h("td", {}, `${value} of ${count}`)));
    });
    body.replaceChildren(...rows);
  }
  return { element, draw };
}
