// @ts-check
// Colours: the app's palette from its CSS variables, and numbers turned into pixels by tables of 256 colours.

const NAMES = ["paper", "panel", "ink", "quiet", "line", "query", "key", "value", "weights", "against", "zero"];
// The other side of zero for each symbol, as in `figures/palette.py`.
const OPPOSITE = { query: "key", key: "query", value: "against", weights: "key", context: "key", quiet: "key" };

/** The palette as {name: "#rrggbb"}, read from the --sa-NAME variables where `element` stands; "print-" for that of print. */
export function paletteOf(element, kind = "") {
  const style = getComputedStyle(element);
  return Object.fromEntries(NAMES.map((name) => [name, style.getPropertyValue(`--sa-${kind}${name}`).trim()]));
}

/**
 * The three numbers of "#7A3FA0".
 * @param {string} colour
 */
export function rgb(colour) {
  return [1, 3, 5].map((place) => parseInt(colour.slice(place, place + 2), 16));
}

// Canvas pixels are bytes in the order red, green, blue, alpha: one little-endian word each.
/** @param {number[]} colour */
function word([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/** The pixel of one colour. */
export function pixel(colour) {
  return word(rgb(colour));
}

function mixed(from, to, share) {
  return from.map((a, c) => Math.round(a + (to[c] - a) * share));
}

/** 256 pixels from the panel's colour to `colour`: for numbers from 0 up. */
export function sequential(palette, colour = palette.weights) {
  const [low, high] = [rgb(palette.panel), rgb(colour)];
  return Uint32Array.from({ length: 256 }, (_, step) => word(mixed(low, high, step / 255)));
}

/** 256 pixels from the opposite hue through the middle to the symbol's: for numbers around zero. */
export function diverging(palette, symbol) {
  const [low, middle, high] = [palette[OPPOSITE[symbol]], palette.zero, palette[symbol] ?? palette.quiet].map(rgb);
  return Uint32Array.from({ length: 256 }, (_, step) => {
    const share = (step - 127.5) / 127.5;
    return word(share < 0 ? mixed(middle, low, -share) : mixed(middle, high, share));
  });
}

/** How depth grows with a share of the range, from 0 to 1 both. */
export const DEPTHS = {
  linear: (share) => share,
  sqrt: Math.sqrt,
  // Three decades: a share of .001 and less is the paper's colour.
  log: (share) => (share <= 1e-3 ? 0 : 1 + Math.log10(share) / 3),
};

// Depth by a table of 4096 steps: a square root or a logarithm a cell would cost more than all the rest.
const STEPS = 4096;
const TABLES = Object.fromEntries(
  Object.entries(DEPTHS).map(([name, depth]) => [
    name,
    Uint8Array.from({ length: STEPS + 1 }, (_, step) => Math.round(255 * depth(step / STEPS))),
  ]),
);

/**
 * Paint numbers as pixels.
 *
 * values, pixels: arrays of one length; colours: a table of 256; signed: around zero, or from 0 up;
 * most: the number that gets the deepest colour, or one a row as an array; width: the length of a row.
 */
export function paint(values, pixels, colours, { signed = false, depth = "linear", most = 1, width = values.length }) {
  const table = TABLES[depth];
  const perRow = typeof most !== "number";
  for (let start = 0, row = 0; start < values.length; start += width, row++) {
    const top = perRow ? most[row] : most;
    const factor = top > 0 ? STEPS / top : 0;
    for (let place = start; place < start + width; place++) {
      const value = values[place];
      const size = signed && value < 0 ? -value : value;
      let step = (size * factor) | 0;
      step = step > STEPS ? STEPS : step < 0 ? 0 : step;
      const deep = table[step];
      pixels[place] = colours[signed ? (value < 0 ? 127 - (deep >> 1) : 128 + (deep >> 1)) : deep];
    }
  }
}
