/**
 * Renumbers clusters from the heaviest to the lightest, equal ones by their first row: the first numbers are what a
 * person looks at first, and the numbers do not depend on the order in which the start was found.
 * Takes the cluster of each row, k × dim centroids and each cluster's weight; returns fresh arrays.
 */
export function numberBySize(found: {
  readonly assignment: Int32Array;
  readonly centroids: Float32Array;
  readonly weight: Float64Array;
}): { assignment: Int32Array; centroids: Float32Array; sizes: Uint32Array } {
  const { assignment, centroids, weight } = found;
  const k = weight.length;
  const dim = centroids.length / k;
  const firstRow = new Float64Array(k).fill(assignment.length);
  for (let row = assignment.length - 1; row >= 0; row--) firstRow[assignment[row]] = row;
  const order = Uint32Array.from({ length: k }, (_, j) => j).sort(
    (a, b) => weight[b] - weight[a] || firstRow[a] - firstRow[b],
  );
  const numberOf = new Int32Array(k);
  const ordered = new Float32Array(centroids.length);
  for (let j = 0; j < k; j++) {
    numberOf[order[j]] = j;
    ordered.set(centroids.subarray(order[j] * dim, (order[j] + 1) * dim), j * dim);
  }
  return {
    assignment: assignment.map((j) => numberOf[j]),
    centroids: ordered,
    sizes: Uint32Array.from(order, (j) => weight[j]),
  };
}
