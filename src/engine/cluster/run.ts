import { basename, resolve } from "node:path";
import { runCluster } from "../../run/cluster.js";
import type { ClusterOptions, RunContext } from "../../run/options.js";
import type { ClusterSummary } from "../../run/summary.js";
import { isDedupFolder } from "../../run/work/dedup-folder.js";
import type { Executor, WorkOrder } from "../executor.js";
import { leadClustering } from "./lead.js";

/** How bge-cluster is shared, as the user asked for it. */
export interface SharedRun {
  readonly executor: Executor;
  readonly workers: number;
  /** Words behind `--`. */
  readonly engineArguments: readonly string[];
  /** Command line of a worker of this run, program first. */
  readonly command: readonly string[];
  /** Threads and bytes of a worker, where the user named them. */
  readonly threads?: number;
  readonly memory?: number;
}

/**
 * Runs bge-cluster with k-means on the workers of an engine. Everything else happens in this process, and the result has
 * the bytes of `runCluster` alone.
 * @throws as `runCluster`, and the errors of the engine
 */
export async function clusterOnWorkers(
  options: ClusterOptions,
  context: RunContext,
  shared: SharedRun,
): Promise<ClusterSummary> {
  const { executor, workers } = shared;
  const { note } = context.reporter;
  const { signal = new AbortController().signal } = context;
  await executor.require(shared.engineArguments);
  if (!isDedupFolder(options.inputs)) {
    note(
      `--executor ${executor.name} shares k-means alone: this process reads and embeds the raw inputs; ` +
        `bge-dedup --executor ${executor.name} would embed them with all workers`,
    );
  }
  const leading = leadClustering({
    options,
    executor: executor.name,
    workers,
    start: () => executor.start(orderOf(options, shared, note), signal),
    note,
  });
  return runCluster(options, { ...context, shared: leading });
}

function orderOf(options: ClusterOptions, shared: SharedRun, note: WorkOrder["note"]): WorkOrder {
  const { workers, engineArguments, threads, memory } = shared;
  const label = basename(resolve(options.out)).replace(/[^A-Za-z0-9-]/g, "-");
  return {
    name: `bge-cluster-${label}`.slice(0, 40),
    folder: resolve(options.out),
    cwd: process.cwd(),
    workers,
    // The work of all workers is the same, so there is one phase.
    phases: ["join"],
    threads,
    memory,
    engineArguments,
    environment: [],
    command: () => shared.command,
    note,
  };
}
