import { stat } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { findPlan } from "../../engine/planning/plan-run.js";
import { openRunFolder, type RunFolder } from "../../engine/run-folder.js";
import { UnavailableError, UsageError } from "../../errors.js";
import { dedupOptions } from "../../run/flags/dedup.js";
import type { DedupOptions } from "../../run/options.js";

/** A run that this process may work on. */
export interface EnteredRun {
  readonly folder: RunFolder;
  /** The flags of the plan, resolved on this machine. */
  readonly options: DedupOptions;
}

/**
 * Opens a planned run to work on it, and moves this process into the folder in which the run was planned, because the
 * names of the inputs are meant there.
 * @param flags of this worker, which take the place of the plan's
 * @returns undefined where the run is finished
 * @throws UsageError where there is no plan, or one of another version; UnavailableError where this machine does not see
 * the folders of the run under their names
 */
export async function enterRun(
  run: string,
  flags: { readonly threads?: string; readonly memory?: string },
): Promise<EnteredRun | undefined> {
  const out = resolve(run);
  const plan = await findPlan(out);
  if (plan === undefined) return undefined;
  const away = (what: string) =>
    new UnavailableError(
      `${what} on ${hostname()}: every machine that works on a run has to see its folders under the same names`,
    );
  try {
    process.chdir(plan.cwd);
  } catch (cause) {
    throw away(`${plan.cwd}, where the run was planned, cannot be entered (${(cause as Error).message})`);
  }
  const planned = plan.flags.out ?? "bge-out";
  const [here, there] = await Promise.all([stat(out), stat(planned).catch(() => undefined)]);
  if (there?.ino !== here.ino || there.dev !== here.dev) {
    throw away(`${run} is not ${resolve(planned)}, where the run was planned,`);
  }
  const { threads = plan.flags.threads, memory = plan.flags.memory } = flags;
  return {
    folder: openRunFolder(out, plan),
    options: dedupOptions({ ...plan.flags, threads, memory }, plan.inputs),
  };
}

/** @throws UsageError where an index is none */
export function parseIndex(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`INDEX ${text} is not the number of a task; expected 0 or more`);
}
