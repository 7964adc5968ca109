import { FailedRunError, UsageError } from "../../errors.js";
import { timedReporter } from "../../reporter.js";
import { Claims } from "./claims.js";
import { Failures } from "./failures.js";
import { isPublished, PlanWatch, tidyUp } from "./plan-watch.js";
import { Schedule, type TaskName } from "./schedule.js";
import { runTask } from "./task.js";
import type { WorkerOptions } from "./worker.js";

/**
 * Does one task of a run, for an engine that deals the tasks itself, or for a person. A failure is recorded as that of a
 * worker.
 * @returns false where the task was done before
 * @throws UsageError where there is no such task, or it cannot start yet; FailedRunError where a worker is at it; and what
 * the stage throws
 */
export async function runOneTask(
  { folder, stages, options, reporter, signal, verdictOf }: Omit<WorkerOptions, "phase" | "waits">,
  { stage: name, index }: { readonly stage: string; readonly index: number },
): Promise<boolean> {
  const stage = stages.find((other) => other.name === name);
  if (stage === undefined) {
    throw new UsageError(`there is no stage ${name}; expected one of ${stages.map((other) => other.name).join(", ")}`);
  }
  const task: TaskName = { stage: stage.name, index };
  const schedule = new Schedule(folder, stages);
  await schedule.look();
  if (schedule.isDone(task)) return false;
  await requireReady(schedule, task);
  const claims = new Claims(folder.path("claims"));
  const claim = (await claims.take(task)) ?? (await claims.takeOver([task]));
  if (claim === undefined) throw new FailedRunError(`a worker is doing task ${index} of ${name}; wait for it`);
  try {
    const watch = new PlanWatch(folder);
    const confirm = async () => void (await watch.check());
    await runTask(folder, stage, index, { options, reporter: timedReporter(reporter), signal, confirm });
  } catch (error) {
    if (!signal?.aborted) {
      await new Failures(folder.path("failures")).add(task, { kind: "failed", ...verdictOf(error) });
    }
    throw error;
  } finally {
    await claim.release();
  }
  await schedule.look();
  if (schedule.finished && (await isPublished(folder))) await tidyUp(folder);
  return true;
}

/** @throws UsageError where a task may not start, or is none */
async function requireReady(schedule: Schedule, { stage, index }: TaskName): Promise<void> {
  const { count, stage: own } = schedule.stages.find((progress) => progress.stage.name === stage) ?? {};
  if (count === undefined) {
    const open = schedule.stages.filter((other) => !other.complete && own?.after.includes(other.stage.name));
    throw new UsageError(
      `${stage} waits for ${open.map((other) => other.stage.name).join(", ")}; do these tasks first`,
    );
  }
  if (index >= count) throw new UsageError(`there is no task ${index} of ${stage}; expected 0 to ${count - 1}`);
  const ready = await schedule.ready((other) => other.name === stage);
  if (ready.some((task) => task.index === index)) return;
  throw new UsageError(`task ${index} of ${stage} waits for others that are not done; bge-dedup status shows them`);
}
