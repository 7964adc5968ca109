import type { JoinResult } from "../../src/join/judge.js";

/** The definition, word for word: visit in priority order, keep what has no kept near-duplicate, all in float64. */
export function naiveJoin(
  values: Float32Array,
  dim: number,
  threshold: number,
  order: Uint32Array,
  signatures?: BigUint64Array,
): Omit<JoinResult, "measured"> {
  const count = values.length / dim;
  const keptBy = new Int32Array(count).fill(-1);
  const similarity = new Float64Array(count);
  const guardedFrom = new Int32Array(count).fill(-1);
  const kept: number[] = [];
  for (const row of order) {
    for (const other of kept) {
      let dot = 0;
      for (let i = 0; i < dim; i++) dot += values[row * dim + i] * values[other * dim + i];
      if (dot < threshold) continue;
      if (signatures !== undefined && signatures[row] !== signatures[other]) {
        if (guardedFrom[row] < 0) guardedFrom[row] = other;
        continue;
      }
      keptBy[row] = other;
      similarity[row] = dot;
      guardedFrom[row] = -1;
      break;
    }
    if (keptBy[row] < 0) kept.push(row);
  }
  return { keptBy, similarity, guardedFrom };
}
