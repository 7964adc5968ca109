import { Bool, Field, Float32, Int32, makeData, Schema, Uint64 } from "apache-arrow";
import type { KMeansResult } from "../../cluster/kmeans.js";
import { createLabeller } from "../../cluster/labels.js";
import { openArrowWriter } from "../../io/arrow/write.js";
import { uint64Column } from "../../io/columns/plain.js";
import { batchOf } from "../../io/columns/take.js";
import type { Stage } from "../../reporter.js";
import { writeCentroids } from "./centroids.js";
import type { ClusterBatch, ClusterRows } from "./cluster-rows.js";
import { CLUSTER_COLUMNS, carriedBatch, carriedColumns } from "./output-columns.js";
import { CENTROIDS, CLUSTERS } from "./output-names.js";

/** The clusters of the distinct vectors, and what tells a person about them. */
export interface Clustering extends KMeansResult {
  /** Share of the cluster's other rows that are nearer to its centroid, for each vector. */
  readonly outliers: Float32Array;
  /** The vectors that show what each cluster holds, as indices of `assignment`, the nearest to the centroid first. */
  readonly representatives: readonly (readonly number[])[];
  /** Id of each cluster, ascending: its number in the tables. The other arrays go by the place of an id in this one. */
  readonly ids: Int32Array;
  /** Least id that no cluster has ever had. */
  readonly next: number;
  /** Key terms that a cluster brings along; the texts give those of the others. */
  readonly labels?: readonly (readonly string[] | undefined)[];
  /** Distance within which 99 % of the rows lie from their centroids, as of the last fit. */
  readonly farDistance: number;
}

/** What the summary says of a cluster. */
export interface Described {
  readonly cluster: number;
  readonly size: number;
  /** Key terms, best first; none where no term sets the cluster apart. */
  readonly label: readonly string[];
  readonly representatives: readonly { readonly row: number; readonly text: string }[];
}

/**
 * Writes clusters.arrow, one batch of rows at a time, and then centroids.arrow with the key terms that the texts gave.
 * @param options.labels number of key terms of each cluster
 * @param options.described number of clusters to describe, the largest first
 * @param options.quoted rows whose texts are wanted as well
 * @param options.path returns the path under which a file of that name is built
 * @returns the number of rows that have a cluster, what the largest clusters hold, and the texts wanted, by row
 */
export async function writeClusters(options: {
  rows: ClusterRows;
  result: Clustering;
  labels: number;
  described: number;
  quoted: readonly number[];
  path: (name: string) => string;
  stage: Stage;
  signal?: AbortSignal;
}): Promise<{ clustered: number; described: Described[]; texts: ReadonlyMap<number, string> }> {
  const { rows, result, path, stage, signal } = options;
  const k = result.sizes.length;
  const carried = carriedColumns(rows.schema, CLUSTER_COLUMNS);
  const schema = new Schema([
    new Field("_row", new Uint64(), false),
    new Field("cluster", new Int32(), true),
    new Field("distance", new Float32(), true),
    new Field("representative", new Bool(), false),
    new Field("outlier", new Float32(), true),
    ...carried.map(({ field }) => field),
  ]);
  // Index of each vector among the clustered vectors. Positions ascend but may have gaps.
  const indexOf = new Int32Array((rows.positions.at(-1) ?? -1) + 1).fill(-1);
  for (let i = 0; i < rows.positions.length; i++) indexOf[rows.positions[i]] = i;
  // Of the rows that share a vector the first stands for all.
  const shown = result.representatives.map((those) => those.map((index) => rows.rowOfPosition[index]));
  const representative = new Set(shown.flat());
  // Clusters of equal size in the order of their ids.
  const largest = Array.from(result.sizes.keys())
    .sort((a, b) => result.sizes[b] - result.sizes[a] || a - b)
    .slice(0, options.described);
  const wanted = new Map([...largest.flatMap((cluster) => shown[cluster]), ...options.quoted].map((row) => [row, ""]));

  const labeller = createLabeller({ k });
  const writer = await openArrowWriter({ path: path(CLUSTERS), schema });
  let clustered = 0;
  let done = 0;
  try {
    for await (const batch of rows.batches()) {
      signal?.throwIfAborted();
      const index = Int32Array.from(batch.vectors, (vector) => (vector < 0 ? -1 : indexOf[vector]));
      for (let i = 0; i < index.length; i++) {
        if (index[i] < 0) continue;
        clustered++;
        labeller.add(result.assignment[index[i]], batch.texts[i] ?? "");
        if (wanted.has(batch.rows[i])) wanted.set(batch.rows[i], batch.texts[i] ?? "");
      }
      const columns = carriedBatch(batch.columns, carried);
      await writer.write(clusterBatch(schema, { ...batch, columns }, { index, result, representative }));
      done += index.length;
      stage.advance(done);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => {});
    throw error;
  }
  const found = labeller.labels(options.labels);
  const labels = found.map((label, cluster) => result.labels?.[cluster] ?? label);
  await writeCentroids({ path: path(CENTROIDS), rows, result, labels, representatives: shown });
  const described = largest.map((cluster) => ({
    cluster: result.ids[cluster],
    size: result.sizes[cluster],
    label: labels[cluster],
    representatives: shown[cluster].map((row) => ({ row, text: wanted.get(row) ?? "" })),
  }));
  return { clustered, described, texts: wanted };
}

/**
 * Rows of clusters.arrow. `index` is the index of each row's vector, -1 for a row without a vector: its cluster,
 * distance and outlier are null.
 */
function clusterBatch(
  schema: Schema,
  { rows, columns }: ClusterBatch,
  found: { readonly index: Int32Array; readonly result: Clustering; readonly representative: ReadonlySet<number> },
) {
  const { index, result, representative } = found;
  const length = rows.length;
  const validity = new Uint8Array(Math.ceil(length / 8));
  const shown = new Uint8Array(Math.ceil(length / 8));
  const clusters = new Int32Array(length);
  const distances = new Float32Array(length);
  const outliers = new Float32Array(length);
  let nullCount = 0;
  for (let i = 0; i < length; i++) {
    if (index[i] < 0) {
      nullCount++;
      continue;
    }
    validity[i >> 3] |= 1 << (i & 7);
    if (representative.has(rows[i])) shown[i >> 3] |= 1 << (i & 7);
    clusters[i] = result.ids[result.assignment[index[i]]];
    distances[i] = result.distances[index[i]];
    outliers[i] = result.outliers[index[i]];
  }
  const nulls = nullCount > 0 ? { nullCount, nullBitmap: validity } : { nullCount };
  return batchOf(
    schema,
    [
      uint64Column(rows),
      makeData({ type: new Int32(), length, data: clusters, ...nulls }),
      makeData({ type: new Float32(), length, data: distances, ...nulls }),
      makeData({ type: new Bool(), length, nullCount: 0, data: shown }),
      makeData({ type: new Float32(), length, data: outliers, ...nulls }),
      ...columns.data.children,
    ],
    length,
  );
}
