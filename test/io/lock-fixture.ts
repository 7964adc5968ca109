import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { takeLock } from "../../src/io/lock.js";

/** Number of a process that has ended. */
export const DEAD = spawnSync(process.execPath, ["-e", ""]).pid;

/** A lock as this process writes it, with other values for some of its fields. @param folder where it is tried */
export async function lockText(
  folder: string,
  fields: { pid?: number; started?: string; system?: string } = {},
): Promise<string> {
  const path = join(folder, "sample");
  const release = await takeLock(path);
  const holder = JSON.parse(readFileSync(path, "utf8")) as object;
  await release();
  return JSON.stringify({ ...holder, since: "2024-01-01T00:00:00.000Z", ...fields });
}
