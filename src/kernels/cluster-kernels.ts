/** The kernels of k-means, in wasm/rows.ts, loosen.ts, measure.ts and rank-scores.ts. All arguments named after data are addresses. */
export interface ClusterKernels {
  squaredNorms(rows: number, count: number, dim: number, to: number): void;
  moveRows(
    rows: number,
    count: number,
    dim: number,
    from: number,
    to: number,
    weights: number,
    scale: number,
    sums: number,
  ): void;
  squaredDistances(rows: number, count: number, dim: number, centroids: number, clusters: number, to: number): void;
  rankScores(
    scores: number,
    count: number,
    k: number,
    norms: number,
    slack: number,
    width: number,
    lower: number,
    upper: number,
    clusters: number,
    unsure: number,
  ): number;
  loosen(
    count: number,
    shifts: number,
    width: number,
    lower: number,
    upper: number,
    clusters: number,
    open: number,
  ): number;
  measureOwn(
    rows: number,
    count: number,
    dim: number,
    centroids: number,
    biases: number,
    norms: number,
    slack: number,
    width: number,
    lower: number,
    upper: number,
    clusters: number,
    open: number,
  ): number;
  measureNear(
    rows: number,
    count: number,
    dim: number,
    centroids: number,
    biases: number,
    norms: number,
    slack: number,
    k: number,
    width: number,
    lower: number,
    upper: number,
    clusters: number,
    open: number,
    near: number,
    unsure: number,
  ): number;
}
