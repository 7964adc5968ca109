import type { TimedReporter } from "../../reporter.js";
import type { DedupOptions } from "../../run/options.js";
import type { StageName } from "../facts.js";
import type { RunFolder } from "../run-folder.js";
import type { Stage } from "../stage.js";

/** What a task is done with. */
export interface TaskMeans {
  readonly options: DedupOptions;
  readonly reporter: TimedReporter;
  readonly signal?: AbortSignal;
  /** Called when the files are written, before the task is marked. An error that it throws leaves the task undone. */
  readonly confirm?: () => Promise<void>;
}

/**
 * Does one task, whether or not it is done already.
 * @throws what the stage or `confirm` throws; then nothing of the attempt is left
 */
export async function runTask<Name extends StageName>(
  folder: RunFolder,
  stage: Stage<Name>,
  index: number,
  { confirm, ...given }: TaskMeans,
): Promise<void> {
  const attempt = await folder.begin(stage.name, index);
  try {
    const facts = await stage.run({ plan: folder.plan, index, tasks: folder, path: attempt.path, ...given });
    await confirm?.();
    await attempt.finish(facts);
  } catch (error) {
    await attempt.abandon().catch(() => {});
    throw error;
  }
}
