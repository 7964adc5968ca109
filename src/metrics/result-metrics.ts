import type { Gauge, Sample } from "./exposition.js";

/** Use of a GPU during a run, as far as the driver tells it. */
export interface GpuFigures {
  readonly index: number;
  readonly name: string;
  /** Shares of the time in which a kernel ran, from 0 to 1. */
  readonly utilization_mean?: number;
  readonly utilization_max?: number;
  /** Bytes. */
  readonly memory_max?: number;
  readonly memory_size?: number;
}

/** What has changed since the clusters of `--like`. Shares are parts of all rows that have a cluster. */
export interface DriftFigures {
  readonly jensen_shannon: number;
  readonly far_share: number;
  readonly moved_share: number;
  readonly moved_centroids: number;
  readonly largest_shift: number;
  readonly new_clusters: readonly number[];
  readonly vanished_clusters: readonly number[];
}

/** What bge-dedup's summary holds for metrics; what is absent has no metric. */
export interface DedupFigures {
  readonly counts: Readonly<
    Record<"read" | "kept" | "removed" | "rejected" | "exact" | "normalized" | "semantic", number> &
      Record<"truncated" | "undirected" | "guarded" | "unordered", number>
  > & { readonly against?: number };
  readonly exact_stage: { readonly distinct: number };
  readonly threshold: number;
  readonly model: { readonly name: string; readonly dtype: string; readonly device: string };
  readonly tokens: number;
  readonly resumed: number;
  readonly reused: number;
  readonly cache?: { readonly kind: string; readonly hits: number; readonly misses: number };
  readonly gpu?: readonly GpuFigures[];
  readonly warnings: readonly string[];
}

/** What bge-cluster's summary holds for metrics; what is absent has no metric. */
export interface ClusterFigures {
  readonly counts: Readonly<Record<"clustered" | "undirected" | "rejected" | "clusters", number>>;
  readonly inertia: number;
  readonly iterations: number;
  readonly converged: boolean;
  readonly largest: readonly { readonly size: number }[];
  readonly drift?: DriftFigures;
  readonly cache?: { readonly kind: string; readonly hits: number; readonly misses: number };
  readonly gpu?: readonly GpuFigures[];
  readonly warnings: readonly string[];
}

/** Samples of one metric, which differ in the value of one label. */
function by(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** What a run of bge-dedup that succeeded came to. Rows by fate add up to the rows read. */
export function dedupMetrics(summary: DedupFigures): Gauge[] {
  const { counts, exact_stage, threshold, model, tokens, resumed, reused, cache, gpu, warnings } = summary;
  const { read, kept, removed, rejected, exact, normalized, semantic, against } = counts;
  const gauge = (name: string, help: string, samples: number | readonly Sample[] | undefined) =>
    gaugeOf(`bge_dedup_${name}`, help, samples);
  return [
    gauge("read_rows", "Records that the inputs hold, rejected ones included.", read),
    gauge("rows", "Rows by their fate; they add up to the rows read.", by("fate", { kept, removed, rejected })),
    gauge("removed_rows", "Removed rows by reason.", by("reason", { exact, normalized, semantic })),
    gauge(
      "removed_against_rows",
      "Removed rows that a row of a reference stands for; each has a reason, too.",
      against,
    ),
    gauge("distinct_texts", "Texts that are left when equal ones count once.", exact_stage.distinct),
    gauge("truncated_texts", "Distinct texts that were cut to the model's length.", counts.truncated),
    gauge("undirected_texts", "Distinct texts without a direction, which are near to no other.", counts.undirected),
    gauge("guarded_rows", "Kept rows that only a guard keeps apart from another kept row.", counts.guarded),
    gauge("unordered_rows", "Rows whose field of --keep is missing or has no order.", counts.unordered),
    gauge("embedded_tokens", "Tokens that were embedded.", tokens),
    gauge("resumed_vectors", "Vectors taken over from an interrupted run.", resumed),
    gauge("reused_vectors", "Vectors taken over from the finished run in the output folder.", reused),
    gauge("threshold", "Cosine from which two texts were near-duplicates.", threshold),
    gauge("warnings", "Warnings of the summary.", warnings.length),
    gauge("model_info", "Model and device; the value is always 1.", [
      { labels: { model: model.name, dtype: model.dtype, device: model.device }, value: 1 },
    ]),
    ...cacheMetrics("bge_dedup", cache),
    ...gpuMetrics("bge_dedup", gpu),
  ];
}

/** What a run of bge-cluster that succeeded came to. */
export function clusterMetrics(summary: ClusterFigures): Gauge[] {
  const { counts, inertia, iterations, converged, largest, drift, cache, gpu, warnings } = summary;
  const { clustered, undirected, rejected } = counts;
  const gauge = (name: string, help: string, samples: number | readonly Sample[] | undefined) =>
    gaugeOf(`bge_cluster_${name}`, help, samples);
  return [
    gauge("rows", "Rows by their fate: in a cluster, without a direction, rejected.", [
      ...by("fate", { clustered, undirected, rejected }),
    ]),
    gauge("clusters", "Number of clusters.", counts.clusters),
    gauge("largest_cluster_rows", "Rows of the largest cluster.", Math.max(0, ...largest.map(({ size }) => size))),
    gauge("inertia", "Sum of the squared distances of all rows to their centroids.", inertia),
    gauge("iterations", "Iterations of k-means.", iterations),
    gauge("converged", "1 if the centroids came to rest, 0 if the iterations ended before.", Number(converged)),
    gauge("warnings", "Warnings of the summary.", warnings.length),
    ...(drift === undefined ? [] : driftMetrics(drift)),
    ...cacheMetrics("bge_cluster", cache),
    ...gpuMetrics("bge_cluster", gpu),
  ];
}

function gaugeOf(name: string, help: string, samples: number | readonly Sample[] | undefined): Gauge {
  const list = typeof samples === "number" ? [{ value: samples }] : (samples ?? []);
  return { name, help, samples: list };
}

function driftMetrics(drift: DriftFigures): Gauge[] {
  const gauge = (name: string, help: string, value: number) => gaugeOf(`bge_cluster_drift_${name}`, help, value);
  return [
    gauge(
      "jensen_shannon",
      "Jensen-Shannon divergence of the clusters' sizes before and now: 0 for equal shares, 1 for none in common.",
      drift.jensen_shannon,
    ),
    gauge(
      "far_rows_ratio",
      "Share of the rows that are far from every former centroid; 0.01 is usual.",
      drift.far_share,
    ),
    gauge("moved_rows_ratio", "Share of the rows in another cluster than the former one.", drift.moved_share),
    gauge(
      "moved_centroids",
      "Centroids that moved by more than a tenth of their rows' distance.",
      drift.moved_centroids,
    ),
    gauge("largest_shift", "Longest way of a centroid.", drift.largest_shift),
    gauge("new_clusters", "Clusters that are none of the former ones.", drift.new_clusters.length),
    gauge("vanished_clusters", "Former clusters that are there no more.", drift.vanished_clusters.length),
  ];
}

function cacheMetrics(prefix: string, cache: DedupFigures["cache"]): Gauge[] {
  if (cache === undefined || cache.kind === "none") return [];
  const results = { hit: cache.hits, miss: cache.misses };
  return [gaugeOf(`${prefix}_cache_lookups`, "Texts looked up in the cache, by result.", by("result", results))];
}

function gpuMetrics(prefix: string, gpus: readonly GpuFigures[] = []): Gauge[] {
  const gauge = (name: string, help: string, value: (gpu: GpuFigures) => number | undefined) => {
    const samples = gpus.flatMap((gpu) => {
      const sampled = value(gpu);
      return sampled === undefined ? [] : [{ labels: { gpu: String(gpu.index), name: gpu.name }, value: sampled }];
    });
    return gaugeOf(`${prefix}_gpu_${name}`, help, samples);
  };
  return [
    gauge("utilization_mean_ratio", "Mean share of the time in which a kernel ran.", (gpu) => gpu.utilization_mean),
    gauge(
      "utilization_max_ratio",
      "Largest sampled share of the time in which a kernel ran.",
      (gpu) => gpu.utilization_max,
    ),
    gauge("memory_max_bytes", "Most memory of the GPU in use, by all programs.", (gpu) => gpu.memory_max),
    gauge("memory_size_bytes", "Memory that the GPU has.", (gpu) => gpu.memory_size),
  ];
}
