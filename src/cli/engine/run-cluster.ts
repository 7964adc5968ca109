import { resolve } from "node:path";
import type { ExecutorName } from "../../engine/executor.js";
import type { ClusterOptions, RunContext } from "../../run/options.js";
import type { ClusterSummary } from "../../run/summary.js";
import { isGiven } from "./engine-words.js";
import { loadExecutor } from "./executors.js";
import { workerCommand } from "./worker-command.js";
import { workersOf } from "./workers.js";

/** The run of `bge-cluster --executor`. @returns the summary, as one machine would have returned it */
export async function runClusterWithExecutor(
  options: ClusterOptions,
  context: RunContext,
  words: {
    readonly executor: ExecutorName;
    readonly workers: string | undefined;
    /** Words of the command line that are its own, and those of the engine from behind `--`. */
    readonly argv: readonly string[];
    readonly engine: readonly string[];
  },
): Promise<ClusterSummary> {
  const { argv, engine } = words;
  const executor = await loadExecutor(words.executor);
  const { clusterOnWorkers } = await import("../../engine/cluster/run.js");
  // The defaults are meant for one process.
  const threads = isGiven(argv, "threads") ? options.threads : undefined;
  const memory = isGiven(argv, "memory") ? options.memory : undefined;
  return clusterOnWorkers(options, context, {
    executor,
    workers: workersOf(words.workers),
    engineArguments: engine,
    command: workerCommand("bge-cluster", resolve(options.out), { threads, memory }),
    threads,
    memory,
  });
}
