// @ts-check
// The tokens as the index: the one that attends is outlined, the others take the colour of the weight they get.

import { strongest } from "../shared/attend.js";
import { h, number } from "../shared/dom.js";
import { titled } from "../shared/names.js";

// Percent of the weights' colour behind a token: more would leave too little contrast to read it.
const DEEPEST = 50;

/** The row of tokens (two, where one text attends to another). Choosing one pins its row. */
export function tokens(scope) {
  const element = h("div", { class: "tokens" });
  let made = null;
  let [from, to] = [null, null];
  let shown = null;
  let closed = "stages";

  function build(head) {
    made = head;
    from = list("Attends from", head, "queries", (query) => ({ query, key: null }));
    const cross = head.kind === "cross" || head.queries.length !== head.keys.length;
    to = cross ? list("Attends to", head, "keys", (key) => ({ query: null, key })) : null;
    element.replaceChildren(from.element, ...(to ? [to.element] : []));
  }

  function list(label, head, side, place) {
    const folds = head.folds?.[side] ?? [];
    const runs = [];
    for (let index = 0; index < head[side].length; index = runs.at(-1).end) {
      const fold = folds.find(({ start }) => start === index);
      runs.push(fold ? { ...fold, chip: picture(fold) } : { start: index, end: index + 1, chip: token(index) });
    }
    const chips = runs.map(({ chip }) => chip);
    for (const chip of chips) chip.tabIndex = -1;

    function token(index) {
      const title = titled(head[side][index], head.notes?.[side][index]);
      const kind = head.words[side][index] < 0 ? "special" : "";
      const chip = h("button", { type: "button", class: kind, dir: "auto", title }, head[side][index]);
      chip.onclick = () => scope.pin(best(place(index)));
      chip.onpointerenter = () => scope.point(place(index));
      chip.onpointerleave = () => scope.point(null);
      chip.onfocus = () => scope.point(best(place(index)));
      chip.onblur = () => scope.point(null);
      return chip;
    }
    const row = h("div", { class: "chips", role: "toolbar", "aria-label": label }, ...chips);
    row.onkeydown = (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -1, ArrowDown: 1 }[event.key];
      const now = chips.indexOf(event.target);
      const next = event.key === "Home" ? 0 : event.key === "End" ? chips.length - 1 : now + (step ?? NaN);
      if (!chips[next]) return;
      event.preventDefault();
      chips[next].focus();
    };
    return { element: row, runs };
  }

  // The patches of a picture as one; it opens on the picture itself, and closes where it was.
  function picture({ name }) {
    const chip = h("button", { type: "button", class: "fold", "aria-expanded": "false" }, name);
    chip.onclick = () => {
      const open = scope.view.show === "image";
      if (!open) closed = scope.view.show;
      scope.set({ show: open ? closed : "image" });
    };
    return chip;
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
    const within = ({ start, end }, place) => start <= place && place < end;
    for (const run of from.runs) mark(run.chip, within(run, cell.query), "from");
    show(scope.pinned);
    const { runs } = to ?? from;
    const sums = runs.map(({ start, end }) => (end - start > 1 ? sumOf(row.subarray(start, end)) : row[start]));
    const most = sums.reduce((a, b) => Math.max(a, b), 1e-9);
    runs.forEach((run, index) => {
      const { chip } = run;
      const weight = Math.round((DEEPEST * sums[index]) / most);
      if (chip.weight !== weight) chip.style.setProperty("--weight", `${weight}%`);
      chip.weight = weight;
      if (run.patches) chip.title = `${number(sums[index])} of this row; opens on the picture`;
      mark(chip, within(run, cell.key), "to");
    });
    for (const { chip } of [...from.runs, ...(to?.runs ?? [])]) {
      if (chip.ariaExpanded) chip.ariaExpanded = String(scope.view.show === "image");
    }
  }

  // The chosen token comes into sight where the row of tokens scrolls.
  function show({ query }) {
    const { chip } = from.runs.find(({ start, end }) => start <= query && query < end) ?? {};
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
      if (!chip.ariaExpanded) chip.ariaPressed = String(on);
    }
  }
  return { element, draw };
}

const sumOf = (weights) => weights.reduce((sum, weight) => sum + weight, 0);
