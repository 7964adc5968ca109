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
import { openArrowWriter } from "../../io/arrow/write.js";
import { uint64Column } from "../../io/columns/plain.js";
import { batchOf } from "../../io/columns/take.js";
import type { ClusterRows } from "./cluster-rows.js";

/**
 * Writes centroids.arrow: one row for each cluster, whose medoid is named by the first row that has the medoid's
 * vector.
 * @param options.labels key terms of each cluster
 * @param options.representatives row numbers of each cluster's representatives
 */
export async function writeCentroids(options: {
  readonly path: string;
  readonly rows: ClusterRows;
  readonly result: KMeansResult & { readonly ids: Int32Array };
  readonly labels: readonly (readonly string[])[];
  readonly representatives: readonly (readonly number[])[];
}): Promise<void> {
  const { path, rows, result, labels, representatives } = options;
  const k = result.sizes.length;
  const dim = result.centroids.length / k;
  const labelType = new List(new Field("item", new Utf8(), false));
  const rowsType = new List(new Field("item", new Uint64(), false));
  const centroidType = new FixedSizeList(dim, new Field("item", new Float32(), false));
  const schema = new Schema([
    new Field("cluster", new Int32(), false),
    new Field("size", new Uint64(), false),
    new Field("label", labelType, false),
    new Field("medoid_row", new Uint64(), true),
    new Field("representatives", rowsType, false),
    new Field("centroid", centroidType, false),
  ]);
  const terms = vectorFromArray(labels.flat(), new Utf8()).data[0];
  const shown = uint64Column(representatives.flat());
  const medoidRows = Array.from(result.medoids, (row) => (row < 0 ? -1 : rows.rowOfPosition[row]));
  const values = makeData({ type: new Float32(), length: k * dim, nullCount: 0, data: result.centroids });
  const writer = await openArrowWriter({ path, schema });
  await writer.write(
    batchOf(
      schema,
      [
        makeData({ type: new Int32(), length: k, nullCount: 0, data: result.ids }),
        uint64Column(result.sizes),
        makeData({ type: labelType, length: k, nullCount: 0, valueOffsets: offsetsOf(labels), child: terms }),
        uint64Column(medoidRows),
        makeData({ type: rowsType, length: k, nullCount: 0, valueOffsets: offsetsOf(representatives), child: shown }),
        makeData({ type: centroidType, length: k, nullCount: 0, child: values }),
      ],
      k,
    ),
  );
  await writer.finish();
}

/** Where each list begins in their concatenation, and where the last one ends. */
function offsetsOf(lists: readonly (readonly unknown[])[]): Int32Array {
  const offsets = new Int32Array(lists.length + 1);
  for (let i = 0; i < lists.length; i++) offsets[i + 1] = offsets[i] + lists[i].length;
  return offsets;
}
