/**
 * Squared Euclidean distance in float64, summed in component order. Every assignment is decided by this number.
 * @param rowAt element of `rows` at which the row starts
 * @param centroidAt element of `centroids` at which the centroid starts
 */
export function squaredDistance(
  rows: Float32Array,
  rowAt: number,
  centroids: Float32Array,
  centroidAt: number,
  dim: number,
): number {
  let sum = 0;
  for (let i = 0; i < dim; i++) {
    const difference = rows[rowAt + i] - centroids[centroidAt + i];
    sum += difference * difference;
  }
  return sum;
}
