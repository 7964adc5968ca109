/**
 * A former cluster and one of today's are the same where they share more than this part of the rows that either has
 * (Jaccard's similarity). Above one half a cluster has at most one such partner, so no order or tie has to decide.
 * Source: C. Hennig, Cluster-wise assessment of cluster stability, Computational Statistics & Data Analysis 52 (2007),
 * who calls a cluster dissolved at one half or less.
 */
const SAME = 0.5;

/**
 * Finds which of today's clusters are former ones, by the rows of today: those that the former centroids would put into
 * the cluster, and those that it holds now.
 * @param rows.before former cluster of each row, 0 to `former` − 1
 * @param rows.now cluster of each row today, 0 to `k` − 1
 * @param rows.weights how many times each row counts; default: once
 * @returns for each of today's clusters the former one that it is, −1 for a new one; the caller owns the array
 */
export function matchClusters(rows: {
  readonly before: Int32Array;
  readonly now: Int32Array;
  readonly weights?: Uint32Array;
  readonly former: number;
  readonly k: number;
}): Int32Array {
  const { before, now, weights, former, k } = rows;
  const [sizeBefore, sizeNow] = [new Float64Array(former), new Float64Array(k)];
  // Few of all pairs of clusters share rows.
  const shared = new Map<number, number>();
  for (let row = 0; row < now.length; row++) {
    const weight = weights?.[row] ?? 1;
    sizeBefore[before[row]] += weight;
    sizeNow[now[row]] += weight;
    const pair = before[row] * k + now[row];
    shared.set(pair, (shared.get(pair) ?? 0) + weight);
  }
  const partner = new Int32Array(k).fill(-1);
  for (const [pair, weight] of shared) {
    const [a, b] = [Math.floor(pair / k), pair % k];
    if (weight > SAME * (sizeBefore[a] + sizeNow[b] - weight)) partner[b] = a;
  }
  return partner;
}

/**
 * Gives each of today's clusters its id: that of the former cluster that it is, or one that was never used.
 * @param options.partner the former cluster of each of today's, as `matchClusters` finds it
 * @param options.ids ids of the former clusters
 * @param options.next least id that no cluster has ever had
 * @returns the ids, and the least id that is unused now; new clusters get ids in their order
 */
export function idsOf(options: {
  readonly partner: Int32Array;
  readonly ids: ArrayLike<number>;
  readonly next: number;
}): { readonly ids: Int32Array; readonly next: number } {
  const { partner, ids: former } = options;
  let { next } = options;
  const ids = partner.map((cluster) => (cluster < 0 ? next++ : former[cluster]));
  return { ids, next };
}
