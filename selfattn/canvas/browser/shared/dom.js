// @ts-check
// Elements in one line. Text is always set as text: whatever a reader typed is shown, and never read as HTML.

/**
 * A canvas of `canvas`: its size in CSS pixels, who hears of a change, and what its drawing depended on.
 * @typedef {HTMLCanvasElement & { box: { width: number, height: number }, onbox: () => void, causes?: unknown[] }} Board
 */

/**
 * An element with properties (`class`, `aria-...`, `on...` and all else by name) and children, strings or elements.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, any>} properties
 * @param {...(Node | string | null)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role" || name === "for") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/**
 * Write `text` where it differs: what stays the same is not drawn again.
 * @param {Node} element
 * @param {string} text
 */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Let what scrolls sideways fade at its right edge while there is more of it: else nothing says so.
 * @template {HTMLElement} E
 * @param {E} element
 */
export function fading(element) {
  const look = () =>
    element.classList.toggle("more", element.scrollLeft + element.clientWidth < element.scrollWidth - 24);
  element.addEventListener("scroll", look, { passive: true });
  const sizes = new ResizeObserver(look);
  for (const each of [element, ...element.children]) sizes.observe(each);
  return element;
}

/**
 * The element that a selector names around what an event hit, or that itself; null where there is none.
 * @param {EventTarget | null} target
 * @param {string} selector
 * @returns {HTMLElement | null}
 */
export function around(target, selector) {
  return target instanceof Element ? target.closest(selector) : null;
}

/**
 * A number as a page shows it: three decimals, more digits for what is small, a true minus sign.
 * @param {number} value
 */
export function number(value, digits = 3) {
  if (value === -Infinity) return "−∞";
  if (!Number.isFinite(value)) return "–";
  return value.toFixed(digits).replace("-", "−");
}

/**
 * A weight with four decimals; what is less than half of the last one shows its size, and only a true zero is 0.
 * @param {number} weight
 */
export function fraction(weight) {
  if (weight === 0) return "0";
  return Math.abs(weight) < 5e-5 ? weight.toExponential(0).replaceAll("-", "−") : number(weight, 4);
}

/** A change with its sign and three decimals. */
export function signed(value) {
  return value > 0 ? `+${number(value)}` : number(value);
}

const resized = new ResizeObserver((entries) => {
  for (const { target: element, contentRect } of entries) {
    const target = /** @type {Board} */ (element);
    target.box = { width: contentRect.width, height: contentRect.height };
    target.onbox();
  }
});

/**
 * A canvas that knows its size in CSS pixels, as `box`, without asking for the layout; `onbox` hears of a change.
 * @param {Record<string, any>} properties
 * @param {() => void} onbox
 * @returns {Board}
 */
export function canvas(properties, onbox) {
  const element = Object.assign(h("canvas", properties), { box: { width: 0, height: 0 }, onbox });
  resized.observe(element);
  return element;
}

/**
 * Its drawing context, wiped, with as many pixels as the display has; null while it has no size.
 * @param {Board} element
 */
export function fresh(element) {
  const { width, height } = element.box;
  if (!width || !height) return null;
  const size = [width, height].map((side) => Math.round(side * devicePixelRatio));
  Object.assign(element, { width: size[0], height: size[1] });
  const context = element.getContext("2d");
  context.scale(devicePixelRatio, devicePixelRatio);
  return context;
}

/**
 * Draw on a canvas where something that the drawing depends on, or the canvas's size, has changed.
 * @param {Board} canvas
 * @param {unknown[]} causes
 * @param {() => void} draw
 */
export function once(canvas, causes, draw) {
  const all = [...causes, canvas.box];
  if (canvas.causes?.every((cause, place) => cause === all[place])) return;
  canvas.causes = all;
  draw();
}
