// @ts-check
// A number between 0 and 1 as a bar, with what it is compared with.

import { h, number, write } from "./dom.js";

/**
 * Append a named bar to a grid; returns what draws it: value, a tick (the baseline) and a mark, NaN for none. `beside` is
 * what is said before the baseline to those who hear it; a number that is no share, `plain`, is written alone.
 */
export function bar(grid, name, beside = "compared with") {
  const [fill, tick, mark] = [h("i"), h("b"), h("u")];
  const track = h("div", { class: "bar", role: "img" }, fill, tick, mark);
  const value = h("span", { class: "number" });
  grid.append(h("span", { class: "name", title: name }, name), track, value);
  const place = (share) => `${100 * Math.min(Math.max(share || 0, 0), 1)}%`;
  return (shown) => {
    const { tick: baseline = NaN, mark: here = NaN, plain = false } = shown;
    track.classList.toggle("plain", plain);
    fill.style.width = place(shown.value);
    tick.style.left = place(baseline);
    tick.hidden = Number.isNaN(baseline);
    mark.style.left = place(here);
    mark.hidden = Number.isNaN(here);
    write(value, number(shown.value));
    const against = Number.isNaN(baseline) ? "" : `, ${beside} ${number(baseline)}`;
    track.setAttribute("aria-label", `${name} ${number(shown.value)}${against}`);
  };
}
