import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.js";
import { shellWord } from "../../shell-word.js";

/** Name of the plan of a run in tasks, in the work area of its folder; `engine/run-folder.ts` says what lies beside it. */
export const TASKS_PLAN = "plan.json";

/** What a run in tasks leaves in the work area, beside its plan: folders, and files of engines as slurm.json. */
const TASKS_NAMES = new Set("tasks claims failures logs inputs inputs.new slurm ray kubernetes".split(" "));

/** Whether a work area holds a run in tasks that is not finished. */
export function holdsTasks(area: string): boolean {
  return existsSync(join(area, TASKS_PLAN));
}

/** @throws UsageError where the work area of the folder `out` holds a run in tasks */
export function requireNoTasks(out: string, area: string): void {
  if (!holdsTasks(area)) return;
  const folder = shellWord(out);
  throw new UsageError(
    `${out} holds an unfinished run that was planned in tasks; bge-dedup status ${folder} shows it and bge-dedup work ${folder} continues it; --fresh starts over`,
  );
}

/**
 * Removes a run in tasks from a work area. The plan goes first, so that workers stop: they look for it before they mark
 * anything. What is left by a process that is killed meanwhile belongs to no plan and is removed by the next one.
 */
export async function removeTasks(area: string): Promise<void> {
  await rm(join(area, TASKS_PLAN), { force: true });
  const names = await readdir(area).catch(() => []);
  for (const name of names) {
    if (TASKS_NAMES.has(name.replace(/\.json$/, ""))) await removeFolder(join(area, name));
  }
}

/** Removes a folder in which a worker may still make files at this moment. */
async function removeFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
