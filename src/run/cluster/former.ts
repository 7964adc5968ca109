import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DataType, type RecordBatch } from "apache-arrow";
import { farDistance } from "../../cluster/like/drift.js";
import { FailedRunError, InputError } from "../../errors.js";
import { readTableBatches } from "../../io/arrow/arrow.js";
import { findChangedFile } from "../check/verify-manifest.js";
import { gatherNumbers } from "../read/gathered.js";
import { numbersOf } from "../read/result-table.js";
import { type FileRecord, MANIFEST } from "../work/manifest.js";
import { hasPlan } from "../work/publication.js";
import type { RecordedModel } from "../work/recorded-model.js";
import { CENTROIDS, CLUSTERS, isFileName } from "../write/output-names.js";

/** The clusters of an earlier run, as its folder holds them. */
export interface Former {
  /** The folder as given. */
  readonly folder: string;
  /** Id of each cluster, ascending. */
  readonly ids: Int32Array;
  /** Rows of each cluster. */
  readonly sizes: Float64Array;
  /** Key terms of each cluster. */
  readonly labels: readonly (readonly string[])[];
  /** Centroids of `dim` float32 components, one after another. */
  readonly centroids: Float32Array;
  readonly dim: number;
  /** Least id that no cluster has ever had. */
  readonly next: number;
  /** Distance within which 99 % of the rows lay from their centroids when the clusters were fitted. */
  readonly farDistance: number;
  readonly spherical: boolean;
  /** False where the folder holds rows that were only put into the clusters of another one. */
  readonly fitted: boolean;
  /** Sum of the squared distances of its rows, where the manifest has it. */
  readonly inertia?: number;
  /** What made the vectors, as the manifest shows it. */
  readonly model: RecordedModel;
}

/** The parts of a manifest of bge-cluster that are read here. All may be missing. */
interface ClusterRecord {
  readonly command?: unknown;
  readonly outputs?: unknown;
  readonly model?: unknown;
  readonly inertia?: unknown;
  readonly next_cluster?: unknown;
  readonly far_distance?: unknown;
  readonly options?: { readonly spherical?: unknown; readonly like?: { readonly assign?: unknown } };
  readonly cluster?: ClusterRecord;
}

/**
 * Reads the clusters of a folder into memory, as bge-cluster of this or an earlier version wrote them. The folder may be
 * the output folder itself: nothing of it is read later.
 * @throws InputError if the folder has no clusters, or damaged ones; FailedRunError if another run wrote to it meanwhile
 */
export async function readFormer(folder: string): Promise<Former> {
  const path = join(folder, MANIFEST);
  const text = await readFile(path, "utf8").catch((cause: Error) => {
    const there = existsSync(folder) ? `it has no readable ${MANIFEST}: ${cause.message}` : "there is no such folder";
    throw new InputError(`--like ${folder} holds no clusters, ${there}; expected a folder that bge-cluster wrote`);
  });
  const record = clusterRecord(folder, text);
  const changed = await findChangedFile(folder, recordsOf(record, CENTROIDS));
  if (changed !== undefined) {
    throw new InputError(`--like ${folder} is damaged: ${changed}; run bge-cluster on it again, or name another one`);
  }
  const centroids = await readCentroids(join(folder, CENTROIDS));
  const { next_cluster: next, far_distance: far, inertia } = record;
  const least = centroids.ids[centroids.ids.length - 1] + 1;
  const former: Former = {
    folder,
    ...centroids,
    next: typeof next === "number" && Number.isSafeInteger(next) ? Math.max(next, least) : least,
    farDistance: typeof far === "number" && far >= 0 ? far : await distanceOfRows(join(folder, CLUSTERS)),
    spherical: record.options?.spherical === true,
    fitted: record.options?.like?.assign !== true,
    ...(typeof inertia === "number" ? { inertia } : {}),
    model: (record.model ?? {}) as RecordedModel,
  };
  const now = await readFile(path, "utf8").catch(() => undefined);
  if (now !== text || hasPlan(folder)) {
    throw new FailedRunError(`${folder} was written anew while it was read; run the same command again`);
  }
  return former;
}

/** The record of bge-cluster: the whole manifest, or its part `cluster` in a folder that bge-dedup wrote. */
function clusterRecord(folder: string, text: string): ClusterRecord {
  let manifest: ClusterRecord | null;
  try {
    manifest = JSON.parse(text) as ClusterRecord | null;
  } catch (cause) {
    throw new InputError(
      `--like ${folder}: ${MANIFEST} is damaged: ${(cause as Error).message}; run bge-cluster on it again`,
    );
  }
  if (manifest?.command === "bge-cluster") return manifest;
  const { cluster } = manifest ?? {};
  if (typeof cluster === "object" && cluster !== null) return { model: manifest?.model, ...cluster };
  throw new InputError(
    `--like ${folder} holds no clusters; expected a folder that bge-cluster wrote. bge-dedup removes the clusters of the ` +
      "folder that it writes anew: give each night a folder of its own",
  );
}

/** What the manifest says of a file of the folder, as a list. */
function recordsOf({ outputs }: ClusterRecord, name: string): FileRecord[] {
  if (!Array.isArray(outputs)) return [];
  return (outputs as (Partial<FileRecord> | null)[]).filter(
    (record): record is FileRecord => isFileName(record?.name) && record?.name === name,
  );
}

/**
 * Reads centroids.arrow, in ascending order of the ids.
 * @throws InputError for a missing or damaged file, and for one that holds no clusters or no unambiguous ones
 */
async function readCentroids(path: string): Promise<Pick<Former, "ids" | "sizes" | "labels" | "centroids" | "dim">> {
  const found: { id: number; size: number; label: string[]; centroid: Float32Array }[] = [];
  const wrong = (what: string) => new InputError(`${path} ${what}; run bge-cluster on that folder again`);
  for await (const batch of readTableBatches(path)) {
    const [ids, sizes] = [numbersOf(batch, "cluster", path), numbersOf(batch, "size", path)];
    const { dim, values } = centroidValues(batch, path);
    const labels = batch.getChild("label");
    for (let i = 0; i < ids.length; i++) {
      const label = [...((labels?.get(i) ?? []) as Iterable<unknown>)].map(String);
      found.push({ id: ids[i], size: sizes[i], label, centroid: values.slice(i * dim, (i + 1) * dim) });
    }
  }
  if (found.length === 0) throw wrong("has no clusters");
  found.sort((a, b) => a.id - b.id);
  const dim = found[0].centroid.length;
  for (const [i, { id, size, centroid }] of found.entries()) {
    if (!Number.isInteger(id) || id < 0 || id >= 2 ** 31 - 1)
      throw wrong(`has a cluster ${id}, expected ids from 0 up`);
    if (id === found[i - 1]?.id) throw wrong(`has cluster ${id} twice`);
    if (!(size >= 0)) throw wrong(`has no size of cluster ${id}`);
    if (centroid.length !== dim || !centroid.every(Number.isFinite)) {
      throw wrong(`has a centroid of cluster ${id} that is not ${dim} finite numbers`);
    }
  }
  const centroids = new Float32Array(found.length * dim);
  for (const [i, { centroid }] of found.entries()) centroids.set(centroid, i * dim);
  return {
    ids: Int32Array.from(found, ({ id }) => id),
    sizes: Float64Array.from(found, ({ size }) => size),
    labels: found.map(({ label }) => label),
    centroids,
    dim,
  };
}

/** The centroids of a batch, one after another. */
function centroidValues(batch: RecordBatch, path: string): { dim: number; values: Float32Array } {
  const column = batch.getChild("centroid");
  const type: unknown = column?.type;
  const [data] = column?.data ?? [];
  const values: unknown = data?.children[0]?.values;
  if (!DataType.isFixedSizeList(type as DataType) || !(values instanceof Float32Array) || data.nullCount > 0) {
    throw new InputError(`${path} has no float32 vectors in a column centroid; run bge-cluster on that folder again`);
  }
  const dim = (type as { listSize: number }).listSize;
  return { dim, values: values.subarray(0, batch.numRows * dim) };
}

/** The far distance of a folder whose manifest does not tell it, from the distances of its rows. */
async function distanceOfRows(path: string): Promise<number> {
  const distances = gatherNumbers();
  for await (const batch of readTableBatches(path)) {
    const found = numbersOf(batch, "distance", path);
    // A row without a direction has no distance.
    for (const distance of found) if (distance >= 0) distances.push(distance);
  }
  return farDistance(Float32Array.from(distances.values));
}
