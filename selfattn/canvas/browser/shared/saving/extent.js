// @ts-check
// How far a picture reaches: what is cut off takes no room.

/** @typedef {{ left: number, top: number, right: number, bottom: number }} Edges */

/**
 * The edges of what is seen of an SVG's part; the SVG has no place on a page.
 * @param {SVGSVGElement} svg
 * @param {Element} part
 * @returns {Edges}
 */
export function extent(svg, part) {
  // Only what is on a page has a size.
  document.body.append(svg);
  const { left: x, top: y } = svg.getBoundingClientRect();
  const { left, top, right, bottom } = seen(part, svg);
  svg.remove();
  return { left: left - x, top: top - y, right: right - x, bottom: bottom - y };
}

/** @type {(element: Element, svg: Element) => Edges} */
function seen(element, svg) {
  const whole = element.tagName === "g" ? around([...element.children].map((each) => seen(each, svg))) : edges(element);
  const [, id] = /url\(#(.+)\)/.exec(element.getAttribute("clip-path") ?? "") ?? [];
  if (!id) return whole;
  // The shape that cuts, where it cuts.
  const shape = /** @type {Element} */ (svg.querySelector(`[id="${id}"]`).firstElementChild.cloneNode());
  element.append(shape);
  const cut = edges(shape);
  shape.remove();
  return {
    left: Math.max(whole.left, cut.left),
    top: Math.max(whole.top, cut.top),
    right: Math.min(whole.right, cut.right),
    bottom: Math.min(whole.bottom, cut.bottom),
  };
}

/** @type {(element: Element) => Edges} */
function edges(element) {
  return element.getBoundingClientRect();
}

/** @type {(all: Edges[]) => Edges} */
function around(all) {
  const some = all.filter(({ left, right }) => left <= right);
  return {
    left: Math.min(...some.map(({ left }) => left)),
    top: Math.min(...some.map(({ top }) => top)),
    right: Math.max(...some.map(({ right }) => right)),
    bottom: Math.max(...some.map(({ bottom }) => bottom)),
  };
}
