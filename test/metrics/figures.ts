import type { ClusterFigures, DedupFigures } from "../../src/metrics/result-metrics.js";

/** A run on two GPUs of which one tells only its memory. */
const gpu = [
  { index: 0, name: "H100", utilization_mean: 0.5, utilization_max: 0.97, memory_max: 3e9, memory_size: 8e10 },
  { index: 3, name: "MIG", memory_max: 1e9 },
];

/** A summary of bge-dedup with everything that may be in it. */
export const dedupFigures: DedupFigures = {
  counts: {
    read: 100,
    kept: 60,
    removed: 30,
    rejected: 10,
    exact: 12,
    normalized: 11,
    semantic: 7,
    against: 21,
    truncated: 4,
    undirected: 3,
    guarded: 2,
    unordered: 1,
  },
  exact_stage: { distinct: 77 },
  threshold: 0.85,
  model: { name: "bge-large-zh-v1.5", dtype: "fp16", device: "cuda" },
  tokens: 12_345,
  resumed: 5,
  reused: 6,
  cache: { kind: "redis", hits: 900, misses: 9 },
  gpu,
  warnings: ["a"],
};

/** A summary of bge-cluster with everything that may be in it. */
export const clusterFigures: ClusterFigures = {
  counts: { clustered: 90, undirected: 3, rejected: 7, clusters: 8 },
  inertia: 12.5,
  iterations: 9,
  converged: true,
  largest: [{ size: 40 }, { size: 20 }],
  drift: {
    jensen_shannon: 0.125,
    far_share: 0.03,
    moved_share: 0.04,
    moved_centroids: 5,
    largest_shift: 0.6,
    new_clusters: [8, 9],
    vanished_clusters: [3],
  },
  cache: { kind: "embedded", hits: 1, misses: 2 },
  gpu,
  warnings: [],
};
