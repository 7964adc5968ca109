import { existsSync } from "node:fs";
import { lstat, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { InputError, UsageError } from "../../errors.js";
import { syncFolder, writeDurably } from "../../io/durable.js";
import { isFileName } from "../write/output-names.js";

/**
 * A publication: the files that move from the work area into the output folder, and the files that are removed there.
 * The plan is saved before the first file moves, so that a later process can complete an interrupted publication.
 */
export interface Publication {
  readonly files: readonly string[];
  /** Files of the output folder that no longer belong to its content. */
  readonly stale: readonly string[];
}

/** Name of the plan in the work area. */
export const PLAN = "publish.json";
/** Name of the work area in an output folder. */
export const WORK = ".work";

/** Whether an output folder may mix files of two runs, because a publication has begun and has not ended. */
export function hasPlan(out: string): boolean {
  return existsSync(join(out, WORK, PLAN));
}

/**
 * Makes sure that files of these names can be moved into a folder and removed there.
 * @throws UsageError if a folder has one of the names
 */
export async function requireFree(out: string, names: Iterable<string>): Promise<void> {
  for (const name of names) {
    const found = await lstat(join(out, name)).catch(() => undefined);
    if (found?.isDirectory()) {
      throw new UsageError(
        `${join(out, name)} is a folder, expected a file or nothing; nothing was published: move it away and run the same command again`,
      );
    }
  }
}

/**
 * Saves the plan of a publication. From then on the publication will be completed, by this process or by a later one.
 * @throws UsageError if a folder has the name of one of the files
 */
export async function planPublication(out: string, area: string, plan: Publication): Promise<void> {
  await requireFree(out, [...plan.files, ...plan.stale]);
  await writeDurably(join(area, PLAN), JSON.stringify(plan));
  await syncFolder(area);
}

/**
 * Reads the plan of an interrupted publication; undefined if there is none.
 * @throws InputError if the file is not a valid plan; an invalid plan must not move or remove anything
 */
export async function readPlan(area: string): Promise<Publication | undefined> {
  const path = join(area, PLAN);
  if (!existsSync(path)) return undefined;
  let plan: Partial<Publication> | null = null;
  try {
    plan = JSON.parse(await readFile(path, "utf8")) as Partial<Publication> | null;
  } catch {}
  const { files, stale } = plan ?? {};
  if (Array.isArray(files) && Array.isArray(stale) && [...files, ...stale].every(isFileName)) return { files, stale };
  throw new InputError(`${path} is damaged, expected the plan of a publication; remove ${area} and run again`);
}

/** Removes the stale files and moves the finished ones. A repeated call does only what is left to do. */
export async function movePublished(out: string, area: string, { files, stale }: Publication): Promise<void> {
  for (const name of stale) await rm(join(out, name), { force: true });
  for (const name of files) {
    if (!existsSync(join(area, name))) continue;
    await rename(join(area, name), join(out, name));
    // Of two links to one file, as a repeated publication has them, the system renames neither.
    await rm(join(area, name), { force: true });
  }
  await syncFolder(out);
}
