import { FailedRunError } from "../../errors.js";
import { type Reporter, timedReporter } from "../../reporter.js";
import type { DedupOptions } from "../../run/options.js";
import type { RunFolder } from "../run-folder.js";
import type { Stage } from "../stage.js";
import type { PlanWatch } from "./plan-watch.js";
import { runTask } from "./task.js";

/** A task, and what ends it early. */
export interface WatchedTask {
  readonly folder: RunFolder;
  readonly stage: Stage;
  readonly index: number;
  readonly options: DedupOptions;
  readonly reporter: Reporter;
  readonly watch: PlanWatch;
  /** Milliseconds between two looks whether the plan is still there. */
  readonly every: number;
  /** Stops the task; aborted here when the plan is found to be gone. */
  readonly stopped: AbortController;
}

/**
 * Does a task and stops at once when `stopped` is aborted or the plan is gone: the stage itself may take longer to notice.
 * @throws what the stage throws; the reason of `stopped`; FailedRunError where the run was finished meanwhile
 */
export async function runWatchedTask({ watch, stopped, ...given }: WatchedTask): Promise<void> {
  const { folder, stage, index, options } = given;
  const { signal } = stopped;
  const watching = setInterval(() => {
    watch.check().catch((error) => stopped.abort(error));
  }, given.every);
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  aborted.catch(() => {});
  const confirm = async () => {
    signal.throwIfAborted();
    if ((await watch.check()) === "finished") throw new FailedRunError("the run is finished");
  };
  try {
    const reporter = timedReporter(taskReporter(given.reporter, `${stage.name} ${index}`, stage));
    const work = runTask(folder, stage, index, { options, reporter, signal, confirm });
    work.catch(() => {});
    await Promise.race([work, aborted]);
  } finally {
    clearInterval(watching);
    signal.removeEventListener("abort", stop);
  }
}

/** A reporter for one task among many: its bars name the task, and the end of a part of the task is not told. */
function taskReporter(reporter: Reporter, task: string, stage: Stage): Reporter {
  return {
    note: (message) => reporter.note(message),
    stage(name, total, unit) {
      const bar = reporter.stage(name === stage.name ? task : `${task}, ${name}`, total, unit);
      return { advance: (done, rows) => bar.advance(done, rows), end() {} };
    },
  };
}
