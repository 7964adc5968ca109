/** The rows of each cluster, the nearest to its centroid first. The caller owns the arrays. */
export interface Members {
  /** All rows: those of cluster 0, then those of cluster 1 and so on. */
  readonly rows: Uint32Array;
  /** Cluster j has the rows `rows[starts[j]]` to `rows[starts[j + 1] - 1]`; k + 1 numbers. */
  readonly starts: Uint32Array;
}

/**
 * Sorts the rows of each cluster by their distance to its centroid, equal ones by their number.
 * @param clustered.assignment cluster of each row
 * @param clustered.distances distance of each row to its centroid
 */
export function membersByDistance(clustered: {
  readonly assignment: Int32Array;
  readonly distances: Float32Array;
  readonly k: number;
}): Members {
  const { assignment, distances, k } = clustered;
  const starts = new Uint32Array(k + 1);
  for (const cluster of assignment) starts[cluster + 1]++;
  for (let j = 0; j < k; j++) starts[j + 1] += starts[j];
  const rows = new Uint32Array(assignment.length);
  const next = starts.slice();
  for (let row = 0; row < assignment.length; row++) rows[next[assignment[row]]++] = row;
  for (let j = 0; j < k; j++) {
    rows.subarray(starts[j], starts[j + 1]).sort((a, b) => distances[a] - distances[b] || a - b);
  }
  return { rows, starts };
}

/**
 * How far out each row lies in its own cluster: the share of the cluster's other rows that are nearer to the centroid.
 * The nearest row has 0 and the farthest 1; rows at the same distance have the same share, and the only row of a cluster
 * has 0. Distances of different clusters cannot be compared, because some clusters are wide and some are narrow; these
 * shares can.
 * @param options.weights how many times each row counts; default: once. Copies of a row are at the same distance
 * @returns float32, one for each row; the caller owns the array
 */
export function outlierShares(options: {
  readonly members: Members;
  readonly distances: Float32Array;
  readonly weights?: Uint32Array;
}): Float32Array {
  const { members, distances, weights } = options;
  const { rows, starts } = members;
  const shares = new Float32Array(rows.length);
  const weightOf = (row: number) => weights?.[row] ?? 1;
  for (let j = 0; j + 1 < starts.length; j++) {
    const end = starts[j + 1];
    let others = -1;
    for (let at = starts[j]; at < end; at++) others += weightOf(rows[at]);
    if (others < 1) continue;
    let seen = 0;
    let nearer = 0;
    for (let at = starts[j]; at < end; at++) {
      const row = rows[at];
      if (at > starts[j] && distances[row] > distances[rows[at - 1]]) nearer = seen;
      shares[row] = nearer / others;
      seen += weightOf(row);
    }
  }
  return shares;
}
