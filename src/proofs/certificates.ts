import type { VectorReader } from "../vectors/reader.js";

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

/** Pairs whose removed vectors are read at once. */
const PAIRS = 1024;

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
  const semantic: { removed: number; kept: number }[] = [];
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
  return measurePairs(semantic, options);
}

/** True where the store has a vector at this position. */
function inStore(position: number, { count }: VectorReader): boolean {
  return position >= 0 && position < count;
}

/**
 * Measures semantic pairs: holds as many kept vectors as the memory allows and streams the removed vectors past them.
 */
async function measurePairs(
  pairs: { removed: number; kept: number }[],
  { vectors, threshold, memory, kept, removed }: Parameters<typeof verifyCertificates>[0],
): Promise<string | undefined> {
  const { dim } = vectors;
  pairs.sort((a, b) => kept.vectors[a.kept] - kept.vectors[b.kept]);
  // Both sides are visited in store order, so that the store is read in ascending positions.
  const chunk = Math.max(1, Math.floor(memory / (dim * 4)));
  for (let start = 0; start < pairs.length; start += chunk) {
    const held = pairs.slice(start, start + chunk);
    const keptVectors = new Float32Array(held.length * dim);
    await vectors.gather(
      held.map((pair) => kept.vectors[pair.kept]),
      keptVectors,
    );
    const order = held.map((pair, i) => ({ ...pair, i }));
    order.sort((a, b) => removed.vectors[a.removed] - removed.vectors[b.removed]);
    const removedVectors = new Float32Array(PAIRS * dim);
    for (let p = 0; p < order.length; p += PAIRS) {
      const part = order.slice(p, p + PAIRS);
      await vectors.gather(
        part.map((pair) => removed.vectors[pair.removed]),
        removedVectors,
      );
      for (let j = 0; j < part.length; j++) {
        let dot = 0;
        for (let c = 0; c < dim; c++) dot += removedVectors[j * dim + c] * keptVectors[part[j].i * dim + c];
        const r = part[j].removed;
        const pair = `row ${removed.rows[r]} was removed for row ${kept.rows[part[j].kept]}`;
        if (!(dot >= threshold)) return `${pair}, but their cosine is ${dot}, below the threshold ${threshold}`;
        if (Math.fround(dot) !== removed.similarity[r]) {
          return `${pair} with _similarity ${removed.similarity[r]}, but their cosine is ${dot}`;
        }
      }
    }
  }
  return undefined;
}
