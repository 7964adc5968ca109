import type { Grouping } from "./grouping.js";
import { type Step, termAt } from "./step.js";
import { NONE, type TrackedRows } from "./tracked-rows.js";

/**
 * Writes the centroids that may be ahead of a row's own to `into` from `at` on and returns their number; −1 where they are more than
 * `limit`. The bounds of their groups then are those of the other centroids alone.
 */
export type ListRivals = (row: number, own: number, into: Int32Array, at: number, limit: number) => number;

/** Bytes of a row's hits: a bit for each group, four a byte, whole words. */
export function hitBytes({ stride }: Grouping): number {
  return 4 * Math.ceil(stride / 16);
}

/** Tells rivals by the products of the step taken last and the groups whose bounds reach the row's threshold, its hits. */
export function createRivals(options: {
  readonly k: number;
  readonly grouping: Grouping;
  readonly tileRows: number;
  readonly step: Step;
  /** Of each row of the tile. */
  readonly hits: Uint32Array;
  readonly tracked: TrackedRows;
}): ListRivals {
  const { k, grouping, tileRows, step, hits, tracked } = options;
  const { bounds, coefficients } = tracked;
  const { groupSize, stride, columns } = grouping;
  const words = hitBytes(grouping) / 4;
  const raises = new Float64Array(groupSize);

  /** The most that one of a group rises by in the row, which is `r` in its tile; fills in what each of them does. */
  function raise(row: number, r: number, g: number): number {
    const { product, terms } = step;
    const c = 4 * row;
    let most = NONE;
    for (let i = 0; i < groupSize; i++) {
      const column = i * stride + g;
      const t = termAt(column);
      const known = coefficients[c] * terms[t] + coefficients[c + 1] * terms[t + 4];
      raises[i] = product[r * columns + column] + known + coefficients[c + 2] * terms[t + 8];
      if (raises[i] > most) most = raises[i];
    }
    return most;
  }

  return (row, own, into, at, limit) => {
    const r = row % tileRows;
    const threshold = coefficients[4 * row + 3];
    let found = 0;
    for (let w = 0; w < words; w++) {
      for (let bits = hits[r * words + w]; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        const g = 16 * w + 4 * (bit >> 3) + (bit & 7);
        const most = raise(row, r, g);
        // What the group had before the step; a few more roundings must not leave one out.
        const old = bounds[row * stride + g] - most;
        const least = threshold - 2 ** -20 * (Math.abs(threshold) + Math.abs(most) + Math.abs(old));
        let rest = NONE;
        for (let i = 0, j = g * groupSize; i < groupSize && j < k; i++, j++) {
          if (j === own) continue;
          const reached = old + raises[i];
          // Where the row is in doubt, or its group had none but its own centroid, there is no number to compare.
          if (reached < least) {
            if (reached > rest) rest = reached;
            continue;
          }
          if (found === limit) return -1;
          into[at + found++] = j;
        }
        bounds[row * stride + g] = rest;
      }
    }
    return found;
  };
}
