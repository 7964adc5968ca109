import {
  Field,
  FixedSizeList,
  Float32,
  Int32,
  List,
  makeData,
  Schema,
  Uint64,
  Utf8,
  vectorFromArray,
} from "apache-arrow";
import type { KMeansResult } from "../../cluster/kmeans.js";
import { createLabeller } from "../../cluster/labels.js";
import { openArrowWriter } from "../../io/arrow/write.js";
import { batchOf } from "../../io/columns/take.js";
import type { Stage } from "../../reporter.js";
import type { ClusterBatch, ClusterRows } from "./cluster-rows.js";
import { CLUSTER_COLUMNS, carriedBatch, carriedColumns, uint64Column } from "./output-columns.js";

/** Name of the table of rows with their clusters. */
export const CLUSTERS = "clusters.arrow";
/** Name of the table of clusters. */
export const CENTROIDS = "centroids.arrow";

/**
 * Writes clusters.arrow, one batch of rows at a time, and then centroids.arrow with the key terms that the texts gave.
 * @param options.labels number of key terms of each cluster
 * @param options.path returns the path under which a file of that name is built
 * @returns the number of rows that have a cluster, and the key terms of each cluster
 */
export async function writeClusters(options: {
  rows: ClusterRows;
  result: KMeansResult;
  labels: number;
  path: (name: string) => string;
  stage: Stage;
  signal?: AbortSignal;
}): Promise<{ clustered: number; labels: string[][] }> {
  const { rows, result, path, stage, signal } = options;
  const k = result.sizes.length;
  const carried = carriedColumns(rows.schema, CLUSTER_COLUMNS);
  const schema = new Schema([
    new Field("_row", new Uint64(), false),
    new Field("cluster", new Int32(), true),
    new Field("distance", new Float32(), true),
    ...carried.map(({ field }) => field),
  ]);
  // Index of each vector among the clustered vectors. Positions ascend but may have gaps.
  const indexOf = new Int32Array((rows.positions.at(-1) ?? -1) + 1).fill(-1);
  for (let i = 0; i < rows.positions.length; i++) indexOf[rows.positions[i]] = i;

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
      }
      const columns = carriedBatch(batch.columns, carried);
      await writer.write(clusterBatch(schema, { ...batch, columns }, index, result));
      done += index.length;
      stage.advance(done);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => {});
    throw error;
  }
  const labels = labeller.labels(options.labels);
  await writeCentroids(path(CENTROIDS), rows, result, labels);
  return { clustered, labels };
}

/**
 * Rows of clusters.arrow. `index` is the index of each row's vector, -1 for a row without a vector, whose cluster and
 * distance are null.
 */
function clusterBatch(schema: Schema, { rows, columns }: ClusterBatch, index: Int32Array, result: KMeansResult) {
  const length = rows.length;
  const validity = new Uint8Array(Math.ceil(length / 8));
  const clusters = new Int32Array(length);
  const distances = new Float32Array(length);
  let nullCount = 0;
  for (let i = 0; i < length; i++) {
    if (index[i] < 0) {
      nullCount++;
      continue;
    }
    validity[i >> 3] |= 1 << (i & 7);
    clusters[i] = result.assignment[index[i]];
    distances[i] = result.distances[index[i]];
  }
  const nulls = nullCount > 0 ? { nullCount, nullBitmap: validity } : { nullCount };
  return batchOf(
    schema,
    [
      uint64Column(rows),
      makeData({ type: new Int32(), length, data: clusters, ...nulls }),
      makeData({ type: new Float32(), length, data: distances, ...nulls }),
      ...columns.data.children,
    ],
    length,
  );
}

/**
 * Writes centroids.arrow: one row for each cluster, whose medoid is named by the first row that has the medoid's
 * vector.
 */
async function writeCentroids(
  path: string,
  rows: ClusterRows,
  result: KMeansResult,
  labels: string[][],
): Promise<void> {
  const k = result.sizes.length;
  const dim = result.centroids.length / k;
  const listType = new List(new Field("item", new Utf8(), false));
  const centroidType = new FixedSizeList(dim, new Field("item", new Float32(), false));
  const schema = new Schema([
    new Field("cluster", new Int32(), false),
    new Field("size", new Uint64(), false),
    new Field("label", listType, false),
    new Field("medoid_row", new Uint64(), true),
    new Field("centroid", centroidType, false),
  ]);
  const offsets = new Int32Array(k + 1);
  for (let c = 0; c < k; c++) offsets[c + 1] = offsets[c] + labels[c].length;
  const terms = vectorFromArray(labels.flat(), new Utf8()).data[0];
  const medoidRows = Array.from(result.medoids, (row) => (row < 0 ? -1 : rows.rowOfPosition[row]));
  const values = makeData({ type: new Float32(), length: k * dim, nullCount: 0, data: result.centroids });
  const writer = await openArrowWriter({ path, schema });
  await writer.write(
    batchOf(
      schema,
      [
        makeData({ type: new Int32(), length: k, nullCount: 0, data: Int32Array.from({ length: k }, (_, c) => c) }),
        uint64Column(result.sizes),
        makeData({ type: listType, length: k, nullCount: 0, valueOffsets: offsets, child: terms }),
        uint64Column(medoidRows),
        makeData({ type: centroidType, length: k, nullCount: 0, child: values }),
      ],
      k,
    ),
  );
  await writer.finish();
}
