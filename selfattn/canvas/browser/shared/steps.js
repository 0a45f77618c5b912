// @ts-check
// The arrow keys on a grid of cells.

const MOVES = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
const ENDS = { Home: (row) => [row, 0], End: (row, [, columns]) => [row, columns - 1] };

/** Where a key leads from [row, column] of a grid of [rows, columns], eight at a time with Shift; null for others. */
export function steps({ key, shiftKey }, [row, column], [rows, columns]) {
  if (key in ENDS) return ENDS[key](row, [rows, columns]);
  const move = MOVES[key];
  if (!move) return null;
  const [down, across] = move.map((step) => step * (shiftKey ? 8 : 1));
  const clamp = (place, count) => Math.min(Math.max(place, 0), count - 1);
  return [clamp(row + down, rows), clamp(column + across, columns)];
}
