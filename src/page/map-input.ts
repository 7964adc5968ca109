import type { MapView } from "./map-view.js";

/** A pixel of the canvas. */
export type Pixel = [x: number, y: number];

/** Pixels that a pressed pointer may move and still be a click. */
const STILL = 4;
/** Pixels that an arrow key moves, and what a key or a step of the wheel zooms. */
const STEP = 60;
const ZOOM = 1.25;

/**
 * Pointer and keys of the map: drag to move, wheel with Ctrl or pinch to zoom, click to select, drag with Shift or in
 * lasso mode to draw around points. The wheel alone scrolls the page.
 */
export function listenToMap(options: {
  readonly canvas: HTMLCanvasElement;
  readonly map: MapView;
  readonly draw: () => void;
  readonly hover: (pixel: Pixel | undefined) => void;
  readonly click: (pixel: Pixel) => void;
  readonly lasso: (pixels: readonly Pixel[], done: boolean) => void;
  readonly clear: () => void;
}): void {
  const { canvas, map, draw, hover, click, lasso, clear } = options;
  const pixelOf = (event: MouseEvent): Pixel => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const down = new Map<number, Pixel>();
  let path: Pixel[] | undefined;
  let moved = 0;
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, pixelOf(event));
    moved = 0;
    path = down.size === 1 && (event.shiftKey || canvas.dataset.lasso === "on") ? [pixelOf(event)] : undefined;
  });
  canvas.addEventListener("pointermove", (event) => {
    const now = pixelOf(event);
    const before = down.get(event.pointerId);
    if (before === undefined) return hover(now);
    hover(undefined);
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    const other = [...down].find(([id]) => id !== event.pointerId)?.[1];
    if (path !== undefined) {
      path.push(now);
      lasso(path, false);
    } else if (other !== undefined) {
      const [was, is] = [before, now].map(([x, y]) => Math.hypot(x - other[0], y - other[1]));
      map.zoom(was / Math.max(1, is), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
    } else map.pan(now[0] - before[0], now[1] - before[1]);
    down.set(event.pointerId, now);
    draw();
  });
  const up = (event: PointerEvent) => {
    if (!down.delete(event.pointerId)) return;
    if (path !== undefined) lasso(path, true);
    else if (moved < STILL && event.type === "pointerup") click(pixelOf(event));
    path = undefined;
  };
  canvas.addEventListener("pointerup", up);
  canvas.addEventListener("pointercancel", up);
  canvas.addEventListener("pointerleave", () => hover(undefined));
  canvas.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      map.zoom(1.002 ** event.deltaY, ...pixelOf(event));
      draw();
    },
    { passive: false },
  );
  canvas.addEventListener("dblclick", (event) => {
    map.zoom(1 / (ZOOM * ZOOM), ...pixelOf(event));
    draw();
  });
  const middle = (): Pixel => [canvas.clientWidth / 2, canvas.clientHeight / 2];
  const keys: Readonly<Record<string, () => void>> = {
    ArrowLeft: () => map.pan(STEP, 0),
    ArrowRight: () => map.pan(-STEP, 0),
    ArrowUp: () => map.pan(0, STEP),
    ArrowDown: () => map.pan(0, -STEP),
    "+": () => map.zoom(1 / ZOOM, ...middle()),
    "=": () => map.zoom(1 / ZOOM, ...middle()),
    "-": () => map.zoom(ZOOM, ...middle()),
    "0": () => map.reset(),
    Enter: () => click(middle()),
    Escape: clear,
  };
  canvas.addEventListener("keydown", (event) => {
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    act();
    hover(event.key === "Escape" ? undefined : middle());
    draw();
  });
}
