import { basename, join, resolve } from "node:path";
import type { ExecutorName, WorkOrder } from "../../engine/executor.js";
import type { PlannedRun, PlanRequest } from "../../engine/planning/plan-run.js";
import { WORKER_ENVIRONMENT } from "../../engine/planning/planned-flags.js";
import { openPhases } from "../../engine/work/schedule.js";
import { FailedRunError } from "../../errors.js";
import { memoryOf, threadsOf } from "../../run/flags/shared.js";
import type { DedupSummary } from "../../run/summary.js";
import { MANIFEST, readManifestIfAny } from "../../run/work/manifest.js";
import type { ProgressReporter } from "../progress-reporter.js";
import { loadExecutor } from "./executors.js";
import { workerCommand } from "./worker-command.js";

/** What `--executor` runs. */
export interface ExecutorRun extends PlanRequest {
  readonly executor: ExecutorName;
  /** Words of the engine, from behind `--`. */
  readonly engineArguments: readonly string[];
  /** `--threads` and `--memory` of each worker, where they are given. */
  readonly threads?: string;
  readonly memory?: string;
}

/**
 * Plans a run or continues it, lets workers of an engine do it, and follows them to the end.
 * @returns the summary of the run, as one machine would have returned it
 * @throws as `runDedup`; UnavailableError where the engine is not there
 */
export async function runWithExecutor(
  run: ExecutorRun,
  context: { readonly reporter: ProgressReporter; readonly signal: AbortSignal; readonly stdin: NodeJS.ReadableStream },
): Promise<DedupSummary> {
  const { reporter, signal } = context;
  const executor = await loadExecutor(run.executor);
  await executor.require(run.engineArguments);
  const { planRun } = await import("../../engine/planning/plan-run.js");
  const planned = await planRun(run, context);
  const { folder } = planned;
  if (!planned.finished) {
    const { STAGES } = await import("../../engine/stages.js");
    if (planned.continued) reporter.note(`continuing the run in ${folder.out}: what is done of it stays done`);
    const { runByExecutor } = await import("../../engine/follow.js");
    await runByExecutor({
      folder,
      stages: STAGES,
      executor,
      order: { ...orderOf(run, planned, reporter.note), phases: await openPhases(folder, STAGES) },
      reporter,
      signal,
    });
  }
  return readSummary(folder.out);
}

function orderOf(run: ExecutorRun, { folder }: PlannedRun, note: (message: string) => void): Omit<WorkOrder, "phases"> {
  const out = resolve(folder.out);
  const shares = {
    ...(run.threads !== undefined && { threads: threadsOf(run.threads) }),
    ...(run.memory !== undefined && { memory: memoryOf(run.memory) }),
  };
  return {
    name: nameOf(out),
    folder: out,
    cwd: folder.plan.cwd,
    workers: run.workers,
    ...shares,
    engineArguments: run.engineArguments,
    environment: WORKER_ENVIRONMENT,
    command: (phase) => workerCommand("bge-dedup", out, { phase, ...shares }),
    note,
  };
}

/** A name that every engine takes for its lists. */
function nameOf(out: string): string {
  const plain = basename(out)
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return `bge-${plain}`.slice(0, 40).replace(/-+$/, "").toLowerCase();
}

/** Parts of the manifest that are none of the summary. */
const BESIDE = ["stages", "environment", "options", "inputs", "outputs", "vectors", "guarantees", "engine"];

/** The summary of a finished run, which its manifest holds. */
async function readSummary(out: string): Promise<DedupSummary> {
  const manifest = await readManifestIfAny(join(out, MANIFEST));
  if (manifest === undefined)
    throw new FailedRunError(`${join(out, MANIFEST)} cannot be read; run the same command again`);
  return Object.fromEntries(
    Object.entries(manifest).filter(([name]) => !BESIDE.includes(name)),
  ) as unknown as DedupSummary;
}
