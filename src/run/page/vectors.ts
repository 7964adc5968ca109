import type { Engine } from "../../onnx/engine.js";
import type { Reporter } from "../../reporter.js";
import { openVectorStore } from "../../vectors/store.js";
import { type KeptPair, type SampledNeighbours, sampleNeighbours } from "./neighbours.js";
import { type Projection, projectVectors } from "./project.js";
import type { Survey } from "./survey.js";

/** Most points of the map. */
const MOST_POINTS = 200_000;

/** Kept texts that have a vector, by their first rows. */
export interface KeptVectors {
  readonly rows: Float64Array;
  readonly positions: Uint32Array;
}

/** Points of the map: rows with their places. */
export interface MapPoints extends Projection {
  readonly rows: Float64Array;
}

/** The first kept row of each vector, in the order of the vectors. */
export function keptVectors({ kept }: Survey): KeptVectors {
  const rows: number[] = [];
  const positions: number[] = [];
  const last = kept.vector.reduce((most, vector) => Math.max(most, vector), -1);
  const rowOf = new Float64Array(last + 1).fill(-1);
  for (let i = 0; i < kept.row.length; i++) {
    const vector = kept.vector[i];
    if (vector >= 0 && rowOf[vector] < 0) rowOf[vector] = kept.row[i];
  }
  for (let vector = 0; vector <= last; vector++) {
    if (rowOf[vector] < 0) continue;
    rows.push(rowOf[vector]);
    positions.push(vector);
  }
  return { rows: Float64Array.from(rows), positions: Uint32Array.from(positions) };
}

/**
 * Measures what the page shows of the vectors: the neighbours of a sample, and the map. Both are absent for fewer than
 * two vectors.
 * @throws InputError where the store is missing or damaged
 */
export async function measureVectors(options: {
  readonly storePath: string;
  readonly kept: KeptVectors;
  readonly engine: Engine;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
}): Promise<{ neighbours?: SampledNeighbours; points?: MapPoints }> {
  const { storePath, kept, engine, reporter, signal } = options;
  const { rows, positions } = kept;
  if (positions.length < 2) return {};
  const vectors = await openVectorStore(storePath);
  try {
    const comparing = reporter.stage("compare", positions.length);
    const neighbours = await sampleNeighbours({
      vectors,
      positions,
      engine,
      onDone: (done) => comparing.advance(done),
      signal,
    });
    comparing.end();
    const size = Math.min(MOST_POINTS, positions.length);
    const shown = Uint32Array.from({ length: size }, (_, i) => Math.floor((i * positions.length) / size));
    const placing = reporter.stage("map", size);
    const projection = await projectVectors({
      vectors,
      positions: shown.map((i) => positions[i]),
      engine,
      onDone: (share) => placing.advance(Math.floor(share * size)),
      signal,
    });
    placing.end();
    return { neighbours, points: { ...projection, rows: Float64Array.from(shown, (i) => rows[i]) } };
  } finally {
    await vectors.close();
  }
}

/** Pairs of kept rows below the threshold; a pair at or above it was kept apart by a guard and is left out. */
export function apartPairs(pairs: readonly KeptPair[], threshold: number, most: number): KeptPair[] {
  return pairs.filter(({ cosine }) => cosine < threshold).slice(0, most);
}
