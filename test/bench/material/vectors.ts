import { builtin } from "../../../src/models/builtin.js";
import { openVectorStore } from "../../../src/vectors/store.js";
import { openVectorStoreWriter } from "../../../src/vectors/store-writer.js";
import { sharedData } from "../../data/shared.js";
import { builtinVectors } from "../builtin-vectors.js";
import { tnewsTitles } from "../corpora.js";
import { makeVectors } from "../geometries.js";
import { NEURAL_DIM, neuralVectors, resampled } from "./neural.js";
import { recombinedTexts, templatedTexts } from "./short-texts.js";

/**
 * Where the vectors of a benchmark come from: real ones of a neural model, any number resampled from these, texts by the
 * builtin model, or made ones.
 */
export const GEOMETRIES = ["neural", "neural-resampled", "titles", "templated", "bge", "isotropic"] as const;
export type Geometry = (typeof GEOMETRIES)[number];

/** Title of a geometry in a table. */
export const GEOMETRY_TITLES: Readonly<Record<Geometry, string>> = {
  neural: "real neural vectors (multilingual-e5-small, news titles)",
  "neural-resampled": "resampled from real neural vectors",
  titles: "news titles by builtin",
  templated: "templated texts by builtin",
  bge: "BGE-like (mean cosine 0.45)",
  isotropic: "isotropic",
};

/** Vectors in batches of n × dim. */
export interface VectorBatches {
  readonly dim: number;
  readonly batches: Iterable<Float32Array>;
}

/** Rows of a matrix in batches. */
function* cut(values: Float32Array, dim: number): Generator<Float32Array> {
  for (let at = 0; at < values.length; at += 1000 * dim) yield values.subarray(at, at + 1000 * dim);
}

/** Texts as vectors of the builtin model. */
function* byBuiltin(texts: readonly string[]): Generator<Float32Array> {
  for (let at = 0; at < texts.length; at += 1000) yield builtinVectors(texts.slice(at, at + 1000));
}

/** News titles, beyond the real ones (some 49,700) recombined ones. */
function titles(rows: number, seed: number): string[] {
  const real = tnewsTitles(sharedData("."));
  const made = recombinedTexts(real, { rows: Math.max(0, rows - real.length), seed });
  return [...real.slice(0, rows), ...made];
}

/**
 * Vectors of a geometry, the same for the same seed; of "neural" at most as many as there are.
 * @param options.dim of made vectors; the others have their own
 */
export async function vectorsOf(options: {
  geometry: Geometry;
  rows: number;
  dim: number;
  seed: number;
}): Promise<VectorBatches> {
  const { geometry, rows, dim, seed } = options;
  if (geometry === "bge" || geometry === "isotropic")
    return { dim, batches: makeVectors({ geometry, rows, dim, seed }) };
  if (geometry === "neural") {
    const values = (await neuralVectors()).subarray(0, rows * NEURAL_DIM);
    return { dim: NEURAL_DIM, batches: cut(values, NEURAL_DIM) };
  }
  if (geometry === "neural-resampled")
    return { dim: NEURAL_DIM, batches: resampled(await neuralVectors(), { rows, seed }) };
  if (geometry === "titles") return { dim: builtin.dim, batches: byBuiltin(titles(rows, seed)) };
  if (geometry === "templated") return { dim: builtin.dim, batches: byBuiltin(templatedTexts(rows, seed)) };
  throw new Error(`no geometry ${geometry}; expected one of ${GEOMETRIES.join(", ")}`);
}

/** The same, or the first rows of a store, in one buffer. */
export async function loadVectors(options: {
  store?: string;
  geometry: Geometry;
  rows: number;
  dim: number;
  seed?: number;
}): Promise<{ values: Float32Array; dim: number }> {
  const { rows, seed = 1 } = options;
  if (options.store === undefined) {
    const { dim, batches } = await vectorsOf({ ...options, seed });
    const values = new Float32Array(rows * dim);
    let at = 0;
    for (const batch of batches) {
      values.set(batch, at);
      at += batch.length;
    }
    return { values: values.subarray(0, at), dim };
  }
  const store = await openVectorStore(options.store);
  const count = Math.min(store.count, rows);
  const values = new Float32Array(count * store.dim);
  await store.gather(
    Uint32Array.from({ length: count }).map((_, i) => i),
    values,
  );
  await store.close();
  return { values, dim: store.dim };
}

/** Writes vectors as bge-dedup stores them. */
export async function writeStore(path: string, { dim, batches }: VectorBatches): Promise<void> {
  const writer = await openVectorStoreWriter({ path, dim });
  let row = 0;
  for (const batch of batches) {
    const numbers = Float64Array.from({ length: batch.length / dim }, (_, i) => row + i);
    await writer.append(numbers, batch);
    row += numbers.length;
  }
  await writer.complete();
  await writer.close();
}
