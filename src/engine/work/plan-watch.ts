import { readFile, rmdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { FailedRunError } from "../../errors.js";
import { MANIFEST, readManifestIfAny } from "../../run/work/manifest.js";
import { removeTasks } from "../../run/work/planned-tasks.js";
import { planHash } from "../plan.js";
import { PLAN_FILE, parsePlan, type RunFolder } from "../run-folder.js";

/** Whether a plan still is the one of its folder, or its run has been finished and tidied up. */
export type PlanState = "same" | "finished";

/** Watches that nobody starts over, removes or finishes a run while this process works on it. */
export class PlanWatch {
  readonly #folder: RunFolder;
  /** Identity and time of the file that held the plan when it was last read. */
  #read = "";

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /**
   * Looks whether the plan is still there. The file is read only if it is another than last time.
   * @throws FailedRunError where it is gone or another one, though the run is not finished
   */
  async check(): Promise<PlanState> {
    const { out, hash } = this.#folder;
    const path = this.#folder.path(PLAN_FILE);
    const file = await stat(path).catch(() => undefined);
    const identity = file && `${file.ino} ${file.size} ${file.mtimeMs}`;
    if (identity !== undefined && identity === this.#read) return "same";
    const text = await readFile(path, "utf8").catch(() => undefined);
    const plan = text === undefined ? undefined : parsePlan(text);
    if (plan !== undefined && planHash(plan) === hash) {
      this.#read = identity ?? "";
      return "same";
    }
    if (await isPublished(this.#folder)) return "finished";
    const how = text === undefined ? "was removed" : "was started over with another plan";
    throw new FailedRunError(`the run in ${out} ${how} while this worker was at work; nothing more is written`);
  }
}

/** Whether the result of the run's plan is in its folder. */
export async function isPublished({ out, hash }: RunFolder): Promise<boolean> {
  const manifest = await readManifestIfAny(join(out, MANIFEST));
  return (manifest?.engine as { plan?: unknown } | undefined)?.plan === hash;
}

/**
 * Removes what the tasks of a published run have left. Every worker may do so at once. The plan goes first: from then on
 * the other workers see by the manifest that the run is finished.
 */
export async function tidyUp(folder: RunFolder): Promise<void> {
  // On a network a file that an engine still writes to, as a worker's log, leaves only when it is closed.
  await removeTasks(folder.path()).catch(ignoreNotEmpty);
  await rmdir(folder.path()).catch(() => {});
}

function ignoreNotEmpty(error: NodeJS.ErrnoException): void {
  if (error.code !== "ENOTEMPTY" && error.code !== "EBUSY") throw error;
}
