import type { Assigned } from "../../cluster/assign-rows.js";
import { centroidShifts, farRows, jensenShannon } from "../../cluster/like/drift.js";
import type { ClusterRows } from "../write/cluster-rows.js";
import type { Clustering } from "../write/clusters.js";
import type { Former } from "./former.js";

/** Number of far rows that are named. */
const SHOWN = 10;

/** A row that is far from every former centroid. */
interface FarRow {
  readonly row: number;
  /** Id of the cluster that it is in nevertheless. */
  readonly cluster: number;
  /** Distance to the nearest former centroid. */
  readonly distance: number;
}

/** What has changed since the former clusters. Shares are parts of all rows that have a cluster, from 0 to 1. */
export interface FoundDrift {
  /** Folder of the former clusters, as given. */
  readonly like: string;
  /** Jensen-Shannon divergence of the sizes before and now, to base 2: 0 for equal shares, 1 for no cluster in common. */
  readonly jensen_shannon: number;
  /** Share of the rows that are farther than `far_distance` from every former centroid; 0.01 is usual. */
  readonly far_share: number;
  readonly far_rows: number;
  /** Distance within which 99 % of the rows lay from their centroids when the former clusters were fitted. */
  readonly far_distance: number;
  /** Share of the rows that are in another cluster than the former centroids would put them into. */
  readonly moved_share: number;
  /** Number of centroids that went farther than a tenth of the root mean square distance of their rows. */
  readonly moved_centroids: number;
  /** The longest way of a centroid. */
  readonly largest_shift: number;
  /** Ids of clusters that are none of the former ones. */
  readonly new_clusters: readonly number[];
  /** Ids of former clusters that are none of today's, or have no row today. */
  readonly vanished_clusters: readonly number[];
  /** Every former cluster and every one of today's, by id. */
  readonly clusters: readonly {
    readonly cluster: number;
    /** Share of the rows before, and now. */
    readonly before: number;
    readonly now: number;
    /**
     * Distance between the former centroid and today's, or the mean of today's rows where the centroids stay as they
     * are; null for a new or a vanished cluster.
     */
    readonly shift: number | null;
  }[];
  /** The rows farthest from every former centroid, at most ten; none within `far_distance`. */
  readonly farthest: readonly FarRow[];
}

/**
 * Compares the clusters of today with the former ones.
 * @param options.today the rows of today in the former clusters
 * @param options.means where each of today's clusters has its rows, k × dim: its centroid, or the mean of its rows
 */
export function findDrift(options: {
  readonly former: Former;
  readonly today: Assigned;
  readonly result: Clustering;
  readonly means: Float32Array;
  readonly rows: ClusterRows;
}): FoundDrift {
  const { former, today, result, rows } = options;
  const { weights } = rows;
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const { count, farthest } = farRows({ squared: today.squared, weights, beyond: former.farDistance, shown: SHOWN });
  let moved = 0;
  for (let row = 0; row < today.assignment.length; row++) {
    if (former.ids[today.assignment[row]] !== result.ids[result.assignment[row]]) moved += weights[row];
  }
  const { clusters, largest, movedCentroids } = compareClusters({ ...options, total });
  return {
    like: former.folder,
    jensen_shannon: jensenShannon(
      clusters.map(({ before }) => before),
      clusters.map(({ now }) => now),
    ),
    far_share: count / total,
    far_rows: count,
    far_distance: former.farDistance,
    moved_share: moved / total,
    moved_centroids: movedCentroids,
    largest_shift: largest,
    new_clusters: Array.from(result.ids).filter((id) => !former.ids.includes(id)),
    vanished_clusters: clusters.filter(({ before, now }) => before > 0 && now === 0).map(({ cluster }) => cluster),
    clusters,
    farthest: farthest.map((row) => ({
      row: rows.rowOfPosition[row],
      cluster: result.ids[result.assignment[row]],
      distance: Math.fround(Math.sqrt(today.squared[row])),
    })),
  };
}

/** Every former cluster and every one of today's with its shares, and how far the centroids went. */
function compareClusters({
  former,
  result,
  means,
  rows,
  total,
}: Pick<Parameters<typeof findDrift>[0], "former" | "result" | "means" | "rows"> & { readonly total: number }) {
  const slots = (ids: Int32Array) => new Map(Array.from(ids, (id, slot) => [id, slot] as const));
  const [before, now] = [slots(former.ids), slots(result.ids)];
  const ids = [...new Set([...before.keys(), ...now.keys()])].sort((a, b) => a - b);
  const both = ids.filter((id) => before.has(id) && now.has(id));
  const part = (all: Float32Array, slot = 0) => all.subarray(slot * former.dim, (slot + 1) * former.dim);
  const spreads = spreadOf(result, rows.weights);
  const { shifts, moved } = centroidShifts({
    before: both.map((id) => part(former.centroids, before.get(id))),
    after: both.map((id) => part(means, now.get(id))),
    spread: both.map((id) => spreads[now.get(id) ?? 0]),
  });
  const shiftOf = new Map(both.map((id, at) => [id, shifts[at]]));
  const rowsBefore = former.sizes.reduce((sum, size) => sum + size, 0) || 1;
  return {
    clusters: ids.map((id) => {
      const [was, is] = [before.get(id), now.get(id)];
      return {
        cluster: id,
        before: was === undefined ? 0 : former.sizes[was] / rowsBefore,
        now: is === undefined ? 0 : result.sizes[is] / total,
        shift: shiftOf.get(id) ?? null,
      };
    }),
    largest: shifts.reduce((most, shift) => Math.max(most, shift), 0),
    movedCentroids: moved,
  };
}

/** Root mean square distance of each cluster's rows to its centroid; 0 without rows. */
function spreadOf({ assignment, distances, sizes }: Clustering, weights: Uint32Array): Float64Array {
  const sums = new Float64Array(sizes.length);
  for (let row = 0; row < assignment.length; row++) sums[assignment[row]] += weights[row] * distances[row] ** 2;
  return sums.map((sum, cluster) => Math.sqrt(sum / Math.max(1, sizes[cluster])));
}
