import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { readTableBatches } from "../../io/arrow/arrow.js";
import { Lowest } from "../../lowest.js";
import type { PageCluster, PageRow } from "../../report/page/data.js";
import { numbersOf, textReader } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import { CENTROIDS, CLUSTERS } from "../write/output-names.js";

/** Rows that are shown of a cluster: typical ones, and outliers. */
const TYPICAL = 5;
const OUTLIERS = 5;
/** Characters of such a row that are shown. */
const CUT_AT = 160;

/** The clusters of a folder, and the cluster of every row that has one. */
export interface FolderClusters {
  readonly clusters: readonly PageCluster[];
  /** Cluster of each row of the run by its number; -1 for a row without one. */
  readonly clusterOf: Int32Array;
}

/** The cluster of a row; undefined where it has none. */
export function clusterAt(clusters: FolderClusters | undefined, row: number): number | undefined {
  const cluster = clusters?.clusterOf[row] ?? -1;
  return cluster < 0 ? undefined : cluster;
}

/** Takes a row into a list, unless its text is there already: copies of one text would fill the list. */
function show(list: Lowest<PageRow>, key: number, row: number, text: string | null): void {
  if (key >= list.bound) return;
  const shown = { row, text: shortened(text ?? "") };
  if (!list.entries.some((other) => other.text === shown.text)) list.add(key, shown);
}

/**
 * Reads the clusters that bge-cluster wrote into the folder. Typical rows are those marked `representative`, or else
 * those nearest to the centroid; outliers are those with the highest `outlier`, or else the farthest ones. The largest
 * cluster comes first. Holds 4 bytes for each row of the run.
 * @returns undefined where the folder has no clusters
 * @throws InputError where one of the two files is missing or damaged
 */
export async function readClusters(
  folder: string,
  { options, counts }: DedupManifest,
): Promise<FolderClusters | undefined> {
  const [rowsPath, centroidsPath] = [join(folder, CLUSTERS), join(folder, CENTROIDS)];
  if (!existsSync(rowsPath) && !existsSync(centroidsPath)) return undefined;
  for (const path of [rowsPath, centroidsPath]) {
    if (!existsSync(path)) throw new InputError(`${path} is missing; run bge-cluster ${folder} again`);
  }
  const known = await readCentroids(centroidsPath);
  const found = known.map(() => ({
    sum: 0,
    count: 0,
    typical: new Lowest<PageRow>(TYPICAL),
    outliers: new Lowest<PageRow>(OUTLIERS),
  }));
  // Ids have gaps where clusters have come and gone.
  const foundOf = new Map(known.map(({ cluster }, i) => [cluster, found[i]]));
  const clusterOf = new Int32Array(counts.read).fill(-1);
  const textsOf = await textReader(rowsPath, options);
  for await (const batch of readTableBatches(rowsPath)) {
    const rows = numbersOf(batch, "_row", rowsPath);
    const numbers = numbersOf(batch, "cluster", rowsPath);
    const distances = numbersOf(batch, "distance", rowsPath);
    const texts = textsOf(batch);
    const marks = batch.getChild("representative");
    const degrees = batch.getChild("outlier");
    for (let i = 0; i < rows.length; i++) {
      const cluster = foundOf.get(numbers[i]);
      if (cluster === undefined) continue;
      clusterOf[rows[i]] = numbers[i];
      cluster.sum += distances[i];
      cluster.count++;
      // A marked row comes before every other.
      show(cluster.typical, distances[i] - (marks?.get(i) === true ? 4 : 0), rows[i], texts[i]);
      show(cluster.outliers, -(degrees?.get(i) ?? distances[i]), rows[i], texts[i]);
    }
  }
  const clusters = known.map(({ cluster, size, terms }, i) => {
    const { sum, count, typical, outliers } = found[i];
    return {
      cluster,
      size,
      terms,
      meanDistance: sum / Math.max(1, count),
      typical: typical.entries,
      outliers: outliers.entries,
    };
  });
  return { clusters: clusters.sort((a, b) => b.size - a.size || a.cluster - b.cluster), clusterOf };
}

function shortened(text: string): string {
  const line = text.replace(/\s+/g, " ").trim();
  const characters = [...line.slice(0, 2 * CUT_AT + 2)];
  return characters.length > CUT_AT ? `${characters.slice(0, CUT_AT).join("")}…` : line;
}

async function readCentroids(path: string) {
  const clusters: { cluster: number; size: number; terms: string[] }[] = [];
  for await (const batch of readTableBatches(path)) {
    const numbers = numbersOf(batch, "cluster", path);
    const sizes = numbersOf(batch, "size", path);
    const labels = batch.getChild("label");
    for (let i = 0; i < numbers.length; i++) {
      const terms = [...((labels?.get(i) ?? []) as Iterable<string>)];
      clusters.push({ cluster: numbers[i], size: sizes[i], terms });
    }
  }
  return clusters;
}
