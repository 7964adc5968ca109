import { access, constants, readdir, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { findPlan } from "../../engine/planning/plan-run.js";
import { openRunFolder, type RunFolder } from "../../engine/run-folder.js";
import { UnavailableError, UsageError } from "../../errors.js";
import { dedupOptions } from "../../run/flags/dedup.js";
import type { DedupOptions } from "../../run/options.js";
import { WORK } from "../../run/work/publication.js";

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
 * @throws UsageError where there is no plan, or one of another version, or this user may not write there; UnavailableError where this machine does not see
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
  await requireWritable(run, join(out, WORK));
  const { threads = plan.flags.threads, memory = plan.flags.memory } = flags;
  return {
    folder: openRunFolder(out, plan),
    options: dedupOptions({ ...plan.flags, threads, memory }, plan.inputs),
  };
}

/**
 * Whoever works on a run writes to its work area and to the folders there, which another user may have made.
 * @throws UsageError where this user may not
 */
async function requireWritable(run: string, area: string): Promise<void> {
  const names = await readdir(area, { withFileTypes: true });
  const folders = names.filter((entry) => entry.isDirectory()).map(({ name }) => join(area, name));
  for (const folder of [area, ...folders]) {
    await access(folder, constants.W_OK).catch(async (cause: Error) => {
      const { uid } = await stat(folder);
      throw new UsageError(
        `user ${process.getuid?.()} may not write to ${folder}, which belongs to user ${uid} (${cause.message}): work on ${run} as ` +
          "that one, or plan it anew in a folder that a group may write to, with umask 002",
      );
    });
  }
}

/** @throws UsageError where an index is none */
export function parseIndex(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageError(`INDEX ${text} is not the number of a task; expected 0 or more`);
}
