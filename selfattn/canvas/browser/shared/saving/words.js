// @ts-check
// The words of a text as they stand on the page: line by line, and cut where the page cuts them.

const GRAPHEMES = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * The lines of a text: what is written there, its box, and its direction. A sign of several characters stays whole.
 * @param {Text} node
 * @param {CSSStyleDeclaration} style of the element that it stands in
 * @returns {{ text: string, box: DOMRect, direction: string }[]}
 */
export function lettersOf(node, style) {
  const { direction } = style;
  const kept = style.whiteSpace.startsWith("pre");
  const range = document.createRange();
  const boxOf = (start, end) => {
    range.setStart(node, start);
    range.setEnd(node, end);
    return range.getBoundingClientRect();
  };
  const found = [];
  for (const [start, end] of apart(node, range)) {
    let [from, to] = [start, end];
    // Spaces at both ends of a line take no room, unless they are kept.
    while (!kept && from < to && /\s/.test(node.data[from])) from++;
    while (!kept && to > from && /\s/.test(node.data[to - 1])) to--;
    if (from === to) continue;
    const text = kept ? node.data.slice(from, to) : node.data.slice(from, to).replace(/\s+/g, " ");
    const box = boxOf(from, to);
    const edge = cutting(node.parentElement);
    const cut = edge ? shortened(node.data, from, to, boxOf, edge, direction) : null;
    if (box.width && box.height) found.push(cut ?? { text, box, direction });
  }
  return found;
}

// Where each line of a text begins and ends.
function apart(node, range) {
  range.selectNodeContents(node);
  const tops = new Set([...range.getClientRects()].map(({ y, height }) => Math.round(y + height / 2)));
  if (tops.size < 2) return [[0, node.length]];
  const lines = [];
  let [start, middle] = [0, NaN];
  for (const { index, segment } of GRAPHEMES.segment(node.data)) {
    range.setStart(node, index);
    range.setEnd(node, index + segment.length);
    const box = range.getBoundingClientRect();
    const at = box.y + box.height / 2;
    if (box.width && Number.isFinite(middle) && Math.abs(at - middle) > box.height / 2) {
      lines.push([start, index]);
      start = index;
    }
    if (box.width) middle = at;
  }
  return [...lines, [start, node.length]];
}

// Where a text is cut off with an ellipsis, from left to right; null where all of it is in sight.
function cutting(element) {
  for (let each = element; each; each = each.parentElement) {
    const { display, overflowX, textOverflow, paddingLeft, paddingRight } = getComputedStyle(each);
    if (overflowX === "hidden" && textOverflow === "ellipsis" && each.scrollWidth > each.clientWidth) {
      const { left, right } = each.getBoundingClientRect();
      return { left: left + parseFloat(paddingLeft), right: right - parseFloat(paddingRight) };
    }
    if (display !== "inline") return null;
  }
  return null;
}

// As many signs as fit before the ellipsis; null where none has to go.
function shortened(data, from, to, boxOf, edge, direction) {
  const whole = boxOf(from, to);
  const inside = (box) => (direction === "rtl" ? box.left >= edge.left - 1 : box.right <= edge.right + 1);
  if (inside(whole)) return null;
  const room = whole.height * 0.6; // of the ellipsis
  const fits = (box) => (direction === "rtl" ? box.left >= edge.left + room : box.right <= edge.right - room);
  let end = from;
  for (const { index, segment } of GRAPHEMES.segment(data.slice(from, to))) {
    if (!fits(boxOf(from, from + index + segment.length))) break;
    end = from + index + segment.length;
  }
  const box = boxOf(from, Math.max(end, from + 1));
  const width = end > from ? box.width + room : room;
  const x = direction === "rtl" ? box.right - width : box.x;
  return { text: `${data.slice(from, end)}…`, box: new DOMRect(x, box.y, width, box.height), direction };
}
