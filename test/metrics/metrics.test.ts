import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { expositionText, type Gauge, render } from "../../src/metrics/exposition.js";
import { clusterMetrics, dedupMetrics } from "../../src/metrics/result-metrics.js";
import {
  commandOfMetric,
  type MeasuredCommand,
  PREFIXES,
  type RunFacts,
  runMetrics,
} from "../../src/metrics/run-metrics.js";
import { clusterFigures, dedupFigures } from "./figures.js";
import { lint, withoutPromtool } from "./promtool.js";

const facts: RunFacts = {
  started: 1000,
  ended: 1012.3456,
  exitCode: 0,
  peakMemory: 5e8,
  stages: { read: 1.23456, join: 2 },
  version: "1.2.3",
  node: "20.20.2",
};

/** Values by name and labels, as `name{label=value}`. */
function valuesOf(gauges: readonly Gauge[]): Record<string, number> {
  return Object.fromEntries(
    gauges.flatMap(({ name, samples }) =>
      samples.map(({ labels = {}, value }) => {
        const pairs = Object.entries(labels).map(([label, text]) => `${label}=${text}`);
        return [pairs.length === 0 ? name : `${name}{${pairs.join()}}`, value];
      }),
    ),
  );
}

describe("the metrics of a run", () => {
  it("tell start, end, success, exit code, time by stage, memory and version", () => {
    assert.deepEqual(valuesOf(runMetrics("bge-cluster", facts)), {
      bge_cluster_last_start_timestamp_seconds: 1000,
      bge_cluster_last_run_timestamp_seconds: 1012.3456,
      bge_cluster_last_success_timestamp_seconds: 1012.3456,
      bge_cluster_exit_code: 0,
      bge_cluster_run_duration_seconds: 12.346,
      "bge_cluster_stage_duration_seconds{stage=read}": 1.235,
      "bge_cluster_stage_duration_seconds{stage=join}": 2,
      bge_cluster_peak_memory_bytes: 5e8,
      "bge_cluster_brake_rows{limit=max_rejects}": 0,
      "bge_cluster_build_info{version=1.2.3,node=20.20.2}": 1,
    });
  });

  it("have no success where the run failed, and the rows that a brake counted", () => {
    const brake = { limit: "max_removed", rows: 512 } as const;
    const values = valuesOf(runMetrics("bge-dedup", { ...facts, exitCode: 4, brake }));
    assert.equal("bge_dedup_last_success_timestamp_seconds" in values, false);
    assert.equal(values.bge_dedup_exit_code, 4);
    assert.equal(values["bge_dedup_brake_rows{limit=max_removed}"], 512);
    assert.equal(values["bge_dedup_brake_rows{limit=max_rejects}"], 0);
  });

  it("belong to the command with the longest prefix", () => {
    assert.equal(commandOfMetric("bge_dedup_rows"), "bge-dedup");
    assert.equal(commandOfMetric("bge_dedup_verify_exit_code"), "bge-dedup verify");
    assert.equal(commandOfMetric("bge_cluster_rows"), "bge-cluster");
    assert.equal(commandOfMetric("bge_dedup"), undefined);
    assert.equal(commandOfMetric("node_load1"), undefined);
  });
});

describe("the metrics of a result", () => {
  it("of bge-dedup are the figures of its summary", () => {
    const values = valuesOf(dedupMetrics(dedupFigures));
    const fates = ["kept", "removed", "rejected"].map((fate) => values[`bge_dedup_rows{fate=${fate}}`]);
    assert.deepEqual(fates, [60, 30, 10]);
    assert.equal(
      fates.reduce((sum, rows) => sum + rows),
      values.bge_dedup_read_rows,
    );
    const reasons = ["exact", "normalized", "semantic"].map((why) => values[`bge_dedup_removed_rows{reason=${why}}`]);
    assert.deepEqual(reasons, [12, 11, 7]);
    assert.equal(values.bge_dedup_removed_against_rows, 21);
    assert.equal(values.bge_dedup_distinct_texts, 77);
    assert.equal(values.bge_dedup_truncated_texts, 4);
    assert.equal(values.bge_dedup_undirected_texts, 3);
    assert.equal(values.bge_dedup_guarded_rows, 2);
    assert.equal(values.bge_dedup_unordered_rows, 1);
    assert.equal(values.bge_dedup_embedded_tokens, 12_345);
    assert.equal(values.bge_dedup_resumed_vectors, 5);
    assert.equal(values.bge_dedup_reused_vectors, 6);
    assert.equal(values.bge_dedup_threshold, 0.85);
    assert.equal(values.bge_dedup_warnings, 1);
    assert.equal(values["bge_dedup_cache_lookups{result=hit}"], 900);
    assert.equal(values["bge_dedup_cache_lookups{result=miss}"], 9);
    assert.equal(values["bge_dedup_model_info{model=bge-large-zh-v1.5,dtype=fp16,device=cuda}"], 1);
    assert.equal(values["bge_dedup_gpu_utilization_mean_ratio{gpu=0,name=H100}"], 0.5);
    assert.equal(values["bge_dedup_gpu_utilization_max_ratio{gpu=0,name=H100}"], 0.97);
    assert.equal("bge_dedup_gpu_utilization_max_ratio{gpu=3,name=MIG}" in values, false);
    assert.equal(values["bge_dedup_gpu_memory_max_bytes{gpu=3,name=MIG}"], 1e9);
    assert.equal(values["bge_dedup_gpu_memory_size_bytes{gpu=0,name=H100}"], 8e10);
  });

  it("of bge-cluster are the figures of its summary", () => {
    const values = valuesOf(clusterMetrics(clusterFigures));
    assert.equal(values["bge_cluster_rows{fate=clustered}"], 90);
    assert.equal(values["bge_cluster_rows{fate=undirected}"], 3);
    assert.equal(values["bge_cluster_rows{fate=rejected}"], 7);
    assert.equal(values.bge_cluster_clusters, 8);
    assert.equal(values.bge_cluster_largest_cluster_rows, 40);
    assert.equal(values.bge_cluster_inertia, 12.5);
    assert.equal(values.bge_cluster_iterations, 9);
    assert.equal(values.bge_cluster_converged, 1);
    const drift = Object.entries(values).filter(([name]) => name.startsWith("bge_cluster_drift_"));
    assert.deepEqual(
      Object.fromEntries(drift.map(([name, value]) => [name.slice("bge_cluster_drift_".length), value])),
      {
        jensen_shannon: 0.125,
        far_rows_ratio: 0.03,
        moved_rows_ratio: 0.04,
        moved_centroids: 5,
        largest_shift: 0.6,
        new_clusters: 2,
        vanished_clusters: 1,
      },
    );
    assert.equal(values["bge_cluster_cache_lookups{result=miss}"], 2);
    assert.equal(values["bge_cluster_gpu_memory_max_bytes{gpu=0,name=H100}"], 3e9);
  });

  it("have no series for a part that was not used", () => {
    const { cache: _, gpu: __, counts, ...plain } = dedupFigures;
    const { against: ___, ...counted } = counts;
    const names = Object.keys(valuesOf(dedupMetrics({ ...plain, counts: counted })));
    assert.deepEqual(
      names.filter((name) => /cache|gpu|against/.test(name)),
      [],
    );
    const off = dedupMetrics({ ...plain, counts, cache: { kind: "none", hits: 0, misses: 0 } });
    assert.deepEqual(
      Object.keys(valuesOf(off)).filter((name) => name.includes("cache")),
      [],
    );
  });
});

describe("all names", () => {
  const gauges = (Object.keys(PREFIXES) as MeasuredCommand[]).flatMap((command) => runMetrics(command, facts));
  gauges.push(...dedupMetrics(dedupFigures), ...clusterMetrics(clusterFigures));

  it("are told apart, and each has a sentence", () => {
    assert.equal(new Set(gauges.map(({ name }) => name)).size, gauges.length);
    for (const { name, help } of gauges) assert.match(help, /^[A-Z0-9].*\.$/, name);
  });

  it("follow the rules of promtool", { skip: withoutPromtool }, () => {
    assert.equal(lint(expositionText(render(gauges, { dataset: "faq" }))), "");
  });
});
