import type { TimedReporter } from "../reporter.js";
import type { DedupOptions } from "../run/options.js";
import type { StageName } from "./facts.js";
import type { RunFolder } from "./run-folder.js";
import type { Stage } from "./stage.js";

/**
 * Does one task, whether or not it is done already.
 * @throws what the stage throws; then nothing of the attempt is left
 */
export async function runTask<Name extends StageName>(
  folder: RunFolder,
  stage: Stage<Name>,
  index: number,
  given: { readonly options: DedupOptions; readonly reporter: TimedReporter; readonly signal?: AbortSignal },
): Promise<void> {
  const attempt = await folder.begin(stage.name, index);
  try {
    const facts = await stage.run({ plan: folder.plan, index, tasks: folder, path: attempt.path, ...given });
    await attempt.finish(facts);
  } catch (error) {
    await attempt.abandon();
    throw error;
  }
}
