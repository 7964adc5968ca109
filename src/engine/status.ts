import { join } from "node:path";
import { InputError } from "../errors.js";
import { MANIFEST, readManifestIfAny } from "../run/work/manifest.js";
import { shellWord } from "../shell-word.js";
import { ignoreLost } from "./lost-output.js";
import { openRunFolder, readPlanIfAny } from "./run-folder.js";
import type { Phase, Stage } from "./stage.js";
import { livingClaims } from "./work/claims.js";
import { DoneTasks, unitOf } from "./work/done-tasks.js";
import { endingError, Failures, type TaskFailure } from "./work/failures.js";
import { isPublished } from "./work/plan-watch.js";
import { keyOf, Schedule, type StageProgress } from "./work/schedule.js";

/** A stage as `status` shows it. */
export interface StageStatus {
  readonly stage: string;
  readonly phase: Phase;
  /** Number of tasks; null as long as it depends on tasks that are not done. */
  readonly tasks: number | null;
  readonly done: number;
  readonly running: number;
  /** Tasks that have failed and that no worker has taken up again. */
  readonly failed: number;
  readonly waiting: number | null;
  /** Seconds that workers spent on the tasks that are done. */
  readonly seconds: number;
  /** What these tasks have done, where the stage counts more than tasks. */
  readonly amount?: { readonly unit: string; readonly done: number };
  /** Rates of the workers that are at the stage now, by the tasks that are done; absent where nobody is or none is. */
  readonly rate?: { readonly tasks_per_minute: number; readonly amount_per_second?: number };
  readonly seconds_left?: number;
}

/** State of a run, as `status --json` prints it. */
export interface RunStatus {
  readonly command: "bge-dedup status";
  readonly folder: string;
  /** `idle`: there is work, and no worker that shows signs of life. */
  readonly state: "working" | "idle" | "failed" | "finished";
  /** Version of the program that planned the run or wrote its result. */
  readonly version: string;
  /** Number of workers that the run was cut for. */
  readonly workers?: number;
  /** Machines whose workers have a task at this moment, and how many. */
  readonly hosts: readonly { readonly host: string; readonly workers: number }[];
  readonly stages: readonly StageStatus[];
  /** Failed attempts at tasks that are not done since, the latest of each task. */
  readonly failures: readonly TaskFailure[];
  /** What has ended the run for all workers. */
  readonly error?: { readonly message: string; readonly exit_code: number };
  /** Tasks that embedded on another kind of processor: their vectors may differ in the last bits. Absent if there is none. */
  readonly warnings?: readonly string[];
  /** Of a finished run: its rows by their fate. */
  readonly counts?: Readonly<Record<string, number>>;
}

/**
 * Looks at a run folder. Claims of other machines are watched for a while, to tell the living from the dead.
 * @param options.watch milliseconds for that (2500)
 * @throws InputError where the folder holds neither a plan nor a result
 */
export async function runStatus(
  out: string,
  { stages, watch = 2500 }: { readonly stages: readonly Stage[]; readonly watch?: number },
): Promise<RunStatus> {
  const plan = await readPlanIfAny(out);
  const folder = plan && openRunFolder(out, plan, 0);
  if (folder === undefined || (await isPublished(folder))) return finishedStatus(out);
  const schedule = new Schedule(folder, stages);
  await schedule.look().catch(ignoreLost);
  const living = await livingClaims(folder.path("claims"), watch);
  const failures = (await new Failures(folder.path("failures")).all()).filter((failure) => !schedule.isDone(failure));
  const done = new DoneTasks(folder);
  const shown: StageStatus[] = [];
  for (const progress of schedule.stages) {
    shown.push(await stageStatus(progress, { done, failures, isRunning: (key) => living.has(key) }));
  }
  const error = endingError(failures, () => false);
  return {
    command: "bge-dedup status",
    folder: out,
    state: error !== undefined ? "failed" : living.size > 0 ? "working" : "idle",
    version: folder.plan.version,
    workers: folder.plan.workers,
    hosts: hostsOf([...living.values()]),
    stages: shown,
    failures: [...new Map(failures.map((failure) => [keyOf(failure), failure])).values()],
    ...(error && { error: { message: error.message, exit_code: error.exitCode } }),
    ...(done.warnings.length > 0 && { warnings: done.warnings }),
  };
}

async function stageStatus(
  { stage, count, done: indices }: StageProgress,
  seen: { done: DoneTasks; failures: readonly TaskFailure[]; isRunning: (key: string) => boolean },
): Promise<StageStatus> {
  const totals = await seen.done.add(stage.name, indices);
  let running = 0;
  for (let index = 0; index < (count ?? 0); index++) {
    if (!indices.has(index) && seen.isRunning(keyOf({ stage: stage.name, index }))) running++;
  }
  const own = seen.failures.filter((failure) => failure.stage === stage.name && !seen.isRunning(keyOf(failure)));
  const failed = new Set(own.map(({ index }) => index)).size;
  const done = indices.size;
  const unit = unitOf(stage.name);
  const mean = totals.seconds / Math.max(1, totals.tasks);
  const paced = running > 0 && totals.tasks > 0 && mean > 0;
  return {
    stage: stage.name,
    phase: stage.phase,
    tasks: count ?? null,
    done,
    running,
    failed,
    waiting: count === undefined ? null : Math.max(0, count - done - running - failed),
    seconds: totals.seconds,
    ...(unit && { amount: { unit, done: totals.amount } }),
    ...(paced && {
      rate: {
        tasks_per_minute: (60 * running) / mean,
        ...(unit && { amount_per_second: (running * totals.amount) / totals.seconds }),
      },
    }),
    ...(paced && count !== undefined && { seconds_left: ((count - done) * mean) / running }),
  };
}

function hostsOf(systems: readonly string[]): { host: string; workers: number }[] {
  const workers = new Map<string, number>();
  for (const system of systems) {
    const host = system.split(" ").at(-1) as string;
    workers.set(host, (workers.get(host) ?? 0) + 1);
  }
  return [...workers].map(([host, number]) => ({ host, workers: number })).sort((a, b) => (a.host < b.host ? -1 : 1));
}

/** @throws InputError */
async function finishedStatus(out: string): Promise<RunStatus> {
  const manifest = await readManifestIfAny(join(out, MANIFEST));
  if (manifest === undefined) {
    throw new InputError(
      `${out} holds neither a planned run nor a result; plan one with bge-dedup plan INPUTS -o ${shellWord(out)}`,
    );
  }
  return {
    command: "bge-dedup status",
    folder: out,
    state: "finished",
    version: String(manifest.version),
    hosts: [],
    stages: [],
    failures: [],
    counts: manifest.counts as Readonly<Record<string, number>>,
  };
}
