import { wilson } from "../../wilson.js";
import type { Bins, CurvePoint, LengthClass } from "./data.js";

/** Width of the bins of cosines. */
const BIN = 0.01;
/** Borders of the classes of lengths, in characters; the last class has no end. */
const BORDERS = [0, 5, 10, 20, 30, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];
/** Steps of the curve to each side of the threshold, and their width. */
const STEPS = 10;
const STEP = 0.01;

/** Counts cosines by bins of 0.01, or narrower ones where the threshold leaves fewer than ten up to 1. */
export function binCosines(cosines: Iterable<number>, from: number, to: number): Bins {
  const bins = Math.max(10, Math.ceil((to - from) / BIN - 1e-9));
  // A threshold of 1 leaves a single value.
  const width = to > from ? (to - from) / bins : BIN;
  const counts = new Array<number>(to > from ? bins : 1).fill(0);
  for (const cosine of cosines) {
    const bin = Math.floor((cosine - from) / width + 1e-9);
    counts[Math.max(0, Math.min(counts.length - 1, bin))]++;
  }
  return { from, width, counts };
}

/** Counts rows by the length of their texts. The caller adds the rows and takes the classes, empty ends left out. */
export function lengthClasses() {
  const counts = { kept: new Uint32Array(BORDERS.length), removed: new Uint32Array(BORDERS.length) };
  return {
    add(fate: "kept" | "removed", length: number): void {
      let at = BORDERS.length - 1;
      while (at > 0 && BORDERS[at] > length) at--;
      counts[fate][at]++;
    },
    classes(): LengthClass[] {
      const all = BORDERS.map((from, i) => ({
        from,
        to: BORDERS[i + 1],
        kept: counts.kept[i],
        removed: counts.removed[i],
      }));
      const filled = all.map(({ kept, removed }) => kept + removed > 0);
      return all.slice(Math.max(0, filled.indexOf(true)), filled.lastIndexOf(true) + 1);
    },
  };
}

/**
 * Estimates how many rows other thresholds would keep.
 *
 * Above the threshold, a semantic row stays removed while the cosine with its kept row suffices, and copies of a kept
 * text always do. So each point counts the pairs measured by the run; it is a little too high where a freed row also
 * resembles another row that is kept then. Below the threshold, a kept row would go where a kept row before it is as
 * near; the share of such rows comes from a sample, with its Wilson interval, and rows that only a row removed meanwhile
 * resembles are counted as well, so the points are a little too low.
 * @param semantic cosines of the rows removed by meaning
 * @param nearest cosines of a sample of kept texts with the nearest kept text of an earlier row; absent if not measured
 */
export function thresholdCurve(options: {
  readonly threshold: number;
  readonly kept: number;
  readonly semantic: Float32Array;
  readonly nearest?: Float32Array;
}): CurvePoint[] {
  const { threshold, kept, semantic, nearest } = options;
  const points: CurvePoint[] = [{ threshold, kept }];
  for (let step = 1; step <= STEPS; step++) {
    const above = round(threshold + step * STEP);
    if (above <= 1) points.push({ threshold: above, kept: kept + semantic.filter((cosine) => cosine < above).length });
    const below = round(threshold - step * STEP);
    if (below <= 0 || nearest === undefined || nearest.length === 0) continue;
    const near = nearest.filter((cosine) => cosine >= below).length;
    const { low, high } = wilson(near, nearest.length);
    const left = (share: number) => Math.round(kept * (1 - share));
    points.push({ threshold: below, kept: left(near / nearest.length), low: left(high), high: left(low) });
  }
  return points.sort((a, b) => a.threshold - b.threshold);
}

/** Without the digits that sums of decimal fractions leave behind. */
function round(value: number): number {
  return Math.round(value * 1e9) / 1e9;
}
