// @ts-check
// How a reader moves about the map: by dragging, the wheel, two fingers or keys.

const KEY_ZOOM = 1.6;
// Pixels that a press may tremble and still be a click.
const STILL = 4;

/** Let `canvas` steer `camera`. `plot(event)`: a place in the plot; `step()`: the cells that an arrow moves by. */
export function steer(canvas, camera, scope, { plot, step, refresh }) {
  const held = new Map();
  let dragged = false;

  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, plot(event));
    dragged = held.size > 1;
  };
  canvas.onpointermove = (event) => {
    const [x, y] = plot(event);
    if (!held.has(event.pointerId)) return point(camera.at(x, y));
    const [fromX, fromY] = held.get(event.pointerId);
    if (!dragged && Math.hypot(x - fromX, y - fromY) < STILL) return;
    dragged = true;
    if (held.size === 2) pinch(event.pointerId, [x, y]);
    else camera.pan(x - fromX, y - fromY);
    held.set(event.pointerId, [x, y]);
    refresh();
  };
  canvas.onpointerup = (event) => {
    const cell = camera.at(...plot(event));
    if (held.delete(event.pointerId) && !dragged && cell) scope.pin(cell);
  };
  canvas.onpointercancel = (event) => held.delete(event.pointerId);
  canvas.onpointerleave = () => held.size || point(null);
  canvas.onwheel = (event) => {
    // At the whole matrix the wheel scrolls the page on.
    if (camera.whole && event.deltaY > 0) return;
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode ? 16 : 1);
    camera.zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), ...plot(event));
    refresh();
  };
  canvas.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !key(event.key, event.shiftKey)) return;
    event.preventDefault();
    event.stopPropagation();
    refresh();
  };

  // The cells come and go under a pointer that moves: only a change is told.
  let told = null;
  function point(cell) {
    if (cell?.query === told?.query && cell?.key === told?.key) return;
    told = cell;
    scope.point(cell);
  }

  function pinch(moved, [x, y]) {
    const [other] = [...held].filter(([id]) => id !== moved).map(([, place]) => place);
    const [fromX, fromY] = held.get(moved);
    const before = Math.hypot(fromX - other[0], fromY - other[1]);
    camera.pan((x - fromX) / 2, (y - fromY) / 2);
    camera.zoom(Math.hypot(x - other[0], y - other[1]) / Math.max(before, 1), (x + other[0]) / 2, (y + other[1]) / 2);
  }

  function key(name, shift) {
    const arrow = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[name];
    if (arrow && shift) camera.pan((-arrow[1] * camera.width) / 4, (-arrow[0] * camera.height) / 4);
    else if (arrow) move(arrow[0] * step(), arrow[1] * step());
    else if (name === "Home") move(0, -Infinity);
    else if (name === "End") move(0, Infinity);
    else if (name === "PageUp") move(-Infinity, 0);
    else if (name === "PageDown") move(Infinity, 0);
    else if (name === "+" || name === "=") magnify(KEY_ZOOM);
    else if (name === "-" || name === "_") magnify(1 / KEY_ZOOM);
    else if (name === "0") camera.fit();
    else if ((name === "Enter" || name === " ") && scope.cell) scope.pin(scope.cell);
    else if (name === "Escape") scope.release?.();
    else return false;
    return true;
  }

  function move(down, right) {
    const { query, key: column } = inside(scope.cell);
    const clamp = (place, count) => Math.min(Math.max(place, 0), count - 1);
    const [n, m] = camera.shape;
    told = { query: clamp(query + down, n), key: clamp(column + right, m) };
    camera.reveal(told.query, told.key);
    scope.point(told);
  }

  // Where no cell is lit, the keys begin in the middle of what is seen.
  function inside(cell) {
    const { i0, i1, j0, j1 } = camera.seen;
    return { query: cell?.query ?? (i0 + i1) >> 1, key: cell?.key ?? (j0 + j1) >> 1 };
  }

  /** Zoom around the lit cell where it is seen, else around the middle. */
  function magnify(factor) {
    const { i0, i1, j0, j1 } = camera.seen;
    const cell = scope.cell;
    const seen = cell && cell.query >= i0 && cell.query < i1 && cell.key >= j0 && cell.key < j1;
    const middle = (offset, place) => offset + (place + 0.5) * camera.cell;
    if (seen) camera.zoom(factor, middle(camera.left, cell.key), middle(camera.top, cell.query));
    else camera.zoom(factor);
    refresh();
  }
  return { magnify: (direction) => magnify(KEY_ZOOM ** direction) };
}
