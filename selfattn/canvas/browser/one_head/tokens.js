// @ts-check
// The tokens as the index: the one that attends is outlined, the others take the colour of the weight they get.

import { strongest } from "../shared/attend.js";
import { h } from "../shared/dom.js";
import { titled } from "../shared/names.js";

// Percent of the weights' colour behind a token: more would leave too little contrast to read it.
const DEEPEST = 50;

/** The row of tokens (two, where one text attends to another). Choosing one pins its row. */
export function tokens(scope) {
  const element = h("div", { class: "tokens" });
  let made = null;
  let [from, to] = [null, null];
  let shown = null;

  function build(head) {
    made = head;
    from = list("Attends from", head, "queries", (query) => ({ query, key: null }));
    const cross = head.kind === "cross" || head.queries.length !== head.keys.length;
    to = cross ? list("Attends to", head, "keys", (key) => ({ query: null, key })) : null;
    element.replaceChildren(from.element, ...(to ? [to.element] : []));
  }

  function list(label, head, side, place) {
    const chips = head[side].map((name, index) => {
      const title = titled(name, head.notes?.[side][index]);
      return h(
        "button",
        { type: "button", class: head.words[side][index] < 0 ? "special" : "", dir: "auto", title },
        name,
      );
    });
    chips.forEach((chip, index) => {
      chip.tabIndex = -1;
      chip.onclick = () => scope.pin(best(place(index)));
      chip.onpointerenter = () => scope.point(place(index));
      chip.onpointerleave = () => scope.point(null);
      chip.onfocus = () => scope.point(best(place(index)));
      chip.onblur = () => scope.point(null);
    });
    const row = h("div", { class: "chips", role: "toolbar", "aria-label": label }, ...chips);
    row.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
      const now = chips.indexOf(event.target);
      const next = event.key === "Home" ? 0 : event.key === "End" ? chips.length - 1 : now + (step ?? NaN);
      if (!chips[next]) return;
      event.preventDefault();
      chips[next].focus();
    };
    return { element: row, chips };
  }

  // A whole row was chosen: its largest weight is the cell to show.
  function best({ query, key }) {
    if (query === null) return { query: scope.cell.query, key };
    return { query, key: strongest(scope.head, query) };
  }

  function draw() {
    const { head, cell } = scope;
    if (made !== head) build(head);
    const [, m] = head.shape;
    const row = head.weights.subarray(cell.query * m, cell.query * m + m);
    const most = row.reduce((a, b) => Math.max(a, b), 1e-9);
    for (const [index, chip] of from.chips.entries()) mark(chip, index === cell.query, "from");
    show(scope.pinned);
    (to ?? from).chips.forEach((chip, index) => {
      const weight = Math.round((DEEPEST * row[index]) / most);
      if (chip.weight !== weight) chip.style.setProperty("--weight", `${weight}%`);
      chip.weight = weight;
      mark(chip, index === cell.key, "to");
    });
  }

  // The chosen token comes into sight where the row of tokens scrolls.
  function show({ query }) {
    const chip = from.chips[query];
    if (scope.pinned === shown || !chip) return;
    shown = scope.pinned;
    const { element: row } = from;
    if (row.scrollHeight > row.clientHeight) row.scrollTop = chip.offsetTop - row.clientHeight / 2;
  }

  function mark(chip, on, name) {
    if (chip.classList.contains(name) === on) return;
    chip.classList.toggle(name, on);
    if (name === "from" || to) {
      chip.tabIndex = on ? 0 : -1;
      chip.ariaPressed = String(on);
    }
  }
  return { element, draw };
}
