// @ts-check
// A table of numbers that can be sorted by its headers and copied.

import { around, h, number, write } from "./dom.js";

/** A token within a sentence: 50 characters of it, and marks that keep its direction to itself. */
export function mention(text) {
  const characters = [...text.trim()];
  const most = 50;
  const short = characters.length > most ? `${characters.slice(0, most - 1).join("")}…` : characters.join("");
  return `\u2068${short}\u2069`;
}

/**
 * A table: {element, draw(caption, rows, chosen)}.
 *
 * columns: {name, of(row), digits, as, heads, title(row), symbol}, the one that `heads` names the row, and `title` is
 * what is said of it where the pointer rests; `of` gives a number, a string, or null for nothing; a number is written
 * with so many `digits`, or by `as`. choose(place): called with the `place` of the row whose name is pressed. sum: the
 * column whose sum stands below.
 */
export function sortable(columns, { name, choose = null, sum = null }) {
  const caption = h("span");
  const heads = columns.map((column, index) => {
    const button = h("button", { type: "button", onclick: () => sortBy(index) }, column.name);
    return h("th", { scope: "col", class: `${column.symbol ?? ""} ${column.heads ? "names" : ""}` }, button);
  });
  const body = h("tbody");
  const foot = sum && h("tfoot", {}, h("tr", {}, ...columns.map((column) => cellOf(column.heads))));
  const whole = h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, ...heads)), body, foot);
  const region = { role: "region", tabIndex: 0, "aria-label": `Table of ${name}` };
  const frame = h("div", { class: "table-frame", ...region }, whole);
  const copied = h("span", { role: "status" });
  const copy = h("button", { type: "button", "aria-label": `Copy as TSV: ${name}` }, "Copy as TSV");
  const element = h("div", { class: "table-whole" }, frame, h("div", { class: "table-copy" }, copy, copied));
  const places = new WeakMap();
  let order = { column: 0, sign: 1 };
  let last = { text: "", rows: [], chosen: null };

  function sortBy(column) {
    // Numbers are asked for the largest first, names and positions from the start.
    const first = columns[column].heads || column === 0 ? 1 : -1;
    order = { column, sign: order.column === column ? -order.sign : first };
    draw(last.text, last.rows, last.chosen);
  }

  function sorted(rows) {
    const { of } = columns[order.column];
    const keyed = rows.map((row) => [of(row), row]);
    return keyed.sort(([a], [b]) => compare(a, b, order.sign)).map(([, row]) => row);
  }

  function draw(text, rows, chosen = null) {
    last = { text, rows, chosen };
    write(caption, text);
    heads.forEach((head, index) => {
      const way = index !== order.column ? "none" : order.sign > 0 ? "ascending" : "descending";
      if (head.ariaSort !== way) head.ariaSort = way;
    });
    while (body.rows.length > rows.length) body.deleteRow(-1);
    while (body.rows.length < rows.length) body.append(newRow());
    for (const [index, row] of sorted(rows).entries()) fill(body.rows[index], row, row.place === chosen);
    if (!sum) return;
    const total = rows.reduce((added, row) => added + row[sum], 0);
    columns.forEach((column, index) => {
      write(foot.rows[0].cells[index], column.heads ? "sum" : column.name === sum ? number(total) : "");
    });
  }

  function newRow() {
    const button = () => choose && h("button", { type: "button", dir: "auto" });
    return h("tr", {}, ...columns.map((column) => cellOf(column.heads, button())));
  }

  function fill(line, row, chosen) {
    places.set(line, row.place);
    if (line.classList.contains("chosen") !== chosen) line.classList.toggle("chosen", chosen);
    columns.forEach(({ of, digits, as = (value) => number(value, digits), heads: names, title }, index) => {
      const button = names && choose ? line.cells[index].firstChild : null;
      const value = of(row);
      write(button ?? line.cells[index], typeof value === "number" ? as(value) : (value ?? ""));
      if (button) button.ariaPressed = chosen;
      if (button && title) button.title = title(row);
    });
  }

  body.onclick = (event) => {
    const line = around(event.target, "button")?.closest("tr");
    if (line) choose(places.get(line));
  };
  copy.onclick = async () => {
    const lines = sorted(last.rows).map((row) => columns.map(({ of }) => plain(of(row))));
    const names = columns.map((column) => column.name);
    const done = await toClipboard([names, ...lines].map((line) => line.join("\t")).join("\n"), element);
    write(copied, done ? `Copied ${last.rows.length} rows.` : "The browser did not let it be copied.");
  };
  return { element, draw };
}

function cellOf(heads, button = null) {
  return heads ? h("th", { scope: "row" }, button) : h("td");
}

// Numbers by size, then words, then nothing, whichever way.
function compare(a, b, sign) {
  const rank = (value) => (typeof value === "number" ? 0 : value === null ? 2 : 1);
  if (rank(a) !== rank(b)) return rank(a) - rank(b);
  return sign * (typeof a === "string" ? a.localeCompare(b) : a - b);
}

// Nine digits are enough to tell every 32-bit number from the next.
function plain(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(9)));
  return (value ?? "").replace(/[\t\r\n]/g, " ");
}

async function toClipboard(text, beside) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission, or a page without https.
    const area = h("textarea", { value: text, "aria-hidden": "true", class: "table-clipboard" });
    beside.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
