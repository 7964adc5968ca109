import type { View } from "./points.js";

/** Places from 0 to this along each side of the map. */
export const SIDE = 65_535;
const NARROWEST = 0.01;
const ALL = { x: 0.5, y: 0.5, width: 1 };
/** How much more one axis may be drawn out than the other, to fill the canvas: distances on a map say little anyway. */
const MOST_STRETCH = 1.6;

/** A view that pans and zooms within the map. */
export interface MapView {
  readonly view: View;
  /** Place on the map, 0 to 65,535, of a pixel of the canvas; y upwards. */
  placeOf(pixelX: number, pixelY: number): [x: number, y: number];
  /** Pixel of the canvas of a place. */
  pixelOf(x: number, y: number): [x: number, y: number];
  /** Moves by pixels. */
  pan(byX: number, byY: number): void;
  /** Shows `factor` times as much; the place under the pixel stays where it is. */
  zoom(factor: number, pixelX: number, pixelY: number): void;
  reset(): void;
}

/**
 * @param size the width and height of the canvas in CSS pixels, asked at each call
 * @param tallness height of the points where their width is 1
 */
export function createMapView(
  size: () => { readonly width: number; readonly height: number },
  tallness: number,
): MapView {
  let view = ALL;
  /** How much taller than the canvas the points are, where both are equally wide. */
  const excess = () => (tallness * size().width) / size().height;
  /** Places that a pixel covers from top to bottom, for each one from left to right. */
  const stretch = () => Math.max(1 / MOST_STRETCH, Math.min(MOST_STRETCH, excess()));
  /** The width that shows all points. */
  const widest = () => Math.max(1, excess() / stretch());
  const within = ({ x, y, width }: typeof ALL) => ({
    x: Math.max(0, Math.min(1, x)),
    y: Math.max(0, Math.min(1, y)),
    width: Math.max(NARROWEST, Math.min(widest(), width)),
  });
  const perPixel = () => view.width / size().width;
  const result: MapView = {
    get view() {
      return { ...view, stretch: stretch() };
    },
    placeOf(pixelX, pixelY) {
      const { width, height } = size();
      return [
        (view.x + (pixelX - width / 2) * perPixel()) * SIDE,
        (view.y - (pixelY - height / 2) * perPixel() * stretch()) * SIDE,
      ];
    },
    pixelOf(x, y) {
      const { width, height } = size();
      return [
        width / 2 + (x / SIDE - view.x) / perPixel(),
        height / 2 - (y / SIDE - view.y) / (perPixel() * stretch()),
      ];
    },
    pan(byX, byY) {
      view = within({ x: view.x - byX * perPixel(), y: view.y + byY * perPixel() * stretch(), width: view.width });
    },
    zoom(factor, pixelX, pixelY) {
      const [x, y] = result.placeOf(pixelX, pixelY);
      view = within({ ...view, width: view.width * factor });
      const [movedX, movedY] = result.placeOf(pixelX, pixelY);
      view = within({ ...view, x: view.x + (x - movedX) / SIDE, y: view.y + (y - movedY) / SIDE });
    },
    reset() {
      view = within({ ...ALL, width: widest() });
    },
  };
  return result;
}
