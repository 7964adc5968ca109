/** Cells along each side of the grid. */
const CELLS = 128;
const SHIFT = 9;

/** Points sorted into a grid of squares, so that the one under the pointer is found among few. */
export interface PointGrid {
  /**
   * Nearest point within `radius` of a place, all in 0 to 65,535; -1 where there is none. `stretch` steps upwards count as
   * one.
   */
  nearest(x: number, y: number, radius: number, stretch: number): number;
}

/** Sorts the points. Coordinates are 0 to 65,535; the arrays stay the caller's and must not change. */
export function createGrid(xs: Uint16Array, ys: Uint16Array): PointGrid {
  const cellOf = (i: number) => (ys[i] >> SHIFT) * CELLS + (xs[i] >> SHIFT);
  const starts = new Uint32Array(CELLS * CELLS + 1);
  for (let i = 0; i < xs.length; i++) starts[cellOf(i) + 1]++;
  for (let cell = 0; cell < CELLS * CELLS; cell++) starts[cell + 1] += starts[cell];
  const points = new Uint32Array(xs.length);
  const next = starts.slice();
  for (let i = 0; i < xs.length; i++) points[next[cellOf(i)]++] = i;
  const clamp = (value: number) => Math.max(0, Math.min(CELLS - 1, value >> SHIFT));
  return {
    nearest(x, y, radius, stretch) {
      let [best, least] = [-1, radius * radius];
      for (let row = clamp(y - radius * stretch); row <= clamp(y + radius * stretch); row++) {
        for (let column = clamp(x - radius); column <= clamp(x + radius); column++) {
          for (let at = starts[row * CELLS + column]; at < starts[row * CELLS + column + 1]; at++) {
            const distance = (xs[points[at]] - x) ** 2 + ((ys[points[at]] - y) / stretch) ** 2;
            if (distance > least) continue;
            least = distance;
            best = points[at];
          }
        }
      }
      return best;
    },
  };
}

/** Points inside a polygon, by the number of edges to the right of each. The polygon is x and y in turn. */
export function pointsInside(polygon: readonly number[], xs: Uint16Array, ys: Uint16Array): number[] {
  const inside: number[] = [];
  for (let i = 0; i < xs.length; i++) {
    let odd = false;
    for (let a = 0, b = polygon.length - 2; a < polygon.length; b = a, a += 2) {
      const above = polygon[a + 1] > ys[i];
      if (above === polygon[b + 1] > ys[i]) continue;
      const crossing =
        polygon[a] + ((ys[i] - polygon[a + 1]) / (polygon[b + 1] - polygon[a + 1])) * (polygon[b] - polygon[a]);
      if (xs[i] < crossing) odd = !odd;
    }
    if (odd) inside.push(i);
  }
  return inside;
}
