import type { JoinResult } from "../../src/join/judge.js";

/** Reference vectors, n × dim, and which of them were kept, in priority order. */
export interface NaiveReferences {
  readonly values: Float32Array;
  readonly order: Uint32Array;
  readonly signatures?: BigUint64Array;
}

/**
 * The definition, word for word: visit in priority order, keep what has no kept near-duplicate, all in float64.
 * @param within false if only references count as kept
 */
export function naiveJoin(
  values: Float32Array,
  dim: number,
  threshold: number,
  order: Uint32Array,
  signatures?: BigUint64Array,
  references?: NaiveReferences,
  within = true,
): Omit<JoinResult, "measured"> {
  const count = values.length / dim;
  const keptBy = new Int32Array(count).fill(-1);
  const similarity = new Float64Array(count);
  const guardedFrom = new Int32Array(count).fill(-1);
  const kept: number[] = [];
  const ofReference = references && {
    keptByReference: new Int32Array(count).fill(-1),
    guardedFromReference: new Int32Array(count).fill(-1),
  };
  for (const row of order) {
    if (references !== undefined && ofReference !== undefined) {
      for (const other of references.order) {
        let dot = 0;
        for (let i = 0; i < dim; i++) dot += values[row * dim + i] * references.values[other * dim + i];
        if (dot < threshold) continue;
        if (signatures !== undefined && signatures[row] !== references.signatures?.[other]) {
          if (ofReference.guardedFromReference[row] < 0) ofReference.guardedFromReference[row] = other;
          continue;
        }
        ofReference.keptByReference[row] = other;
        ofReference.guardedFromReference[row] = -1;
        similarity[row] = dot;
        break;
      }
      if (ofReference.keptByReference[row] >= 0) continue;
    }
    const guardedBefore = ofReference !== undefined && ofReference.guardedFromReference[row] >= 0;
    for (const other of kept) {
      let dot = 0;
      for (let i = 0; i < dim; i++) dot += values[row * dim + i] * values[other * dim + i];
      if (dot < threshold) continue;
      if (signatures !== undefined && signatures[row] !== signatures[other]) {
        if (guardedFrom[row] < 0 && !guardedBefore) guardedFrom[row] = other;
        continue;
      }
      keptBy[row] = other;
      similarity[row] = dot;
      guardedFrom[row] = -1;
      if (ofReference !== undefined) ofReference.guardedFromReference[row] = -1;
      break;
    }
    if (keptBy[row] < 0 && within) kept.push(row);
  }
  return { keptBy, similarity, guardedFrom, ...ofReference };
}
