import type { VectorReader } from "../vectors/reader.js";
import { measurePairs, type NamedPair } from "./pairs.js";

/** The columns of kept.arrow that the proofs read, one entry a row. */
export interface KeptTable {
  /** Numbers of the records. */
  readonly rows: Float64Array;
  /** Position of each row's vector in the store; -1 where there is none. */
  readonly vectors: Float64Array;
  /** `_group_size`. */
  readonly groupSizes: Float64Array;
  /** 64-bit hashes of the texts as received, and of their normal forms; 0 for a row that has only a vector. */
  readonly texts: BigUint64Array;
  readonly forms: BigUint64Array;
  /** Guard signatures; absent where no guard was active. */
  readonly signatures?: BigUint64Array;
}

/** The columns of removed.arrow that the proofs read, one entry a row; columns of the same name as in `KeptTable`. */
export interface RemovedTable {
  readonly rows: Float64Array;
  readonly vectors: Float64Array;
  /** `_kept_row`, `_similarity` and `_reason`. */
  readonly keptRows: Float64Array;
  /** Number of the folder, of a reference, in which `keptRows` counts; -1 for the run itself. Absent without references. */
  readonly keptIn?: Int32Array;
  readonly similarity: Float64Array;
  readonly reasons: readonly string[];
  readonly texts: BigUint64Array;
  readonly forms: BigUint64Array;
  /** As in `KeptTable`. */
  readonly signatures?: BigUint64Array;
}

/**
 * Proves guarantee 1: every removed row names a kept row. Their texts are equal in the way `_reason` says, or their
 * float64 cosine, measured anew, is at least the threshold and rounds to `_similarity`. Also counts the group sizes
 * again. Rows that go on account of a reference are left to the proof of the references.
 * @param options.memory bytes of kept vectors held at once
 * @returns a sentence about the first violation, undefined where there is none
 */
export async function verifyCertificates(options: {
  vectors: VectorReader;
  threshold: number;
  memory: number;
  kept: KeptTable;
  removed: RemovedTable;
}): Promise<string | undefined> {
  const { kept, removed, vectors } = options;
  const keptIndex = new Map<number, number>();
  for (let i = 0; i < kept.rows.length; i++) keptIndex.set(kept.rows[i], i);
  const sizes = new Float64Array(kept.rows.length).fill(1);
  const semantic: NamedPair[] = [];
  for (let r = 0; r < removed.rows.length; r++) {
    const row = removed.rows[r];
    if (removed.keptIn !== undefined && removed.keptIn[r] >= 0) continue;
    const k = keptIndex.get(removed.keptRows[r]);
    if (k === undefined) return `row ${row} was removed for row ${removed.keptRows[r]}, which is not a kept row`;
    sizes[k]++;
    const pair = `row ${row} was removed as ${removed.reasons[r]} for row ${kept.rows[k]}`;
    if (removed.reasons[r] === "exact") {
      if (removed.texts[r] !== kept.texts[k]) return `${pair}, but their texts differ`;
    } else if (removed.reasons[r] === "normalized") {
      if (removed.forms[r] !== kept.forms[k]) return `${pair}, but their texts differ after normalisation`;
    } else if (removed.reasons[r] === "semantic") {
      if (!inStore(removed.vectors[r], vectors) || !inStore(kept.vectors[k], vectors)) {
        return `${pair}, but one of them has no vector in the store`;
      }
      semantic.push({ removed: r, kept: k });
    } else return `row ${row} was removed for the unknown reason ${removed.reasons[r]}`;
    if (removed.reasons[r] !== "semantic" && removed.similarity[r] !== 1) {
      return `${pair} with _similarity ${removed.similarity[r]}, but equal texts have 1`;
    }
  }
  for (let k = 0; k < sizes.length; k++) {
    if (sizes[k] !== kept.groupSizes[k]) {
      return `row ${kept.rows[k]} has _group_size ${kept.groupSizes[k]}, but ${sizes[k]} rows belong to it`;
    }
  }
  return measurePairs({ ...options, pairs: semantic, keptVectors: vectors, place: "" });
}

/** True where the store has a vector at this position. */
function inStore(position: number, { count }: VectorReader): boolean {
  return position >= 0 && position < count;
}
