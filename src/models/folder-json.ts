import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../errors.js";

/**
 * Reads a JSON file of a model folder, which must hold an object or a list.
 * @returns undefined if there is no such file
 * @throws UnavailableError if the file cannot be read or holds something else
 */
export async function readJson<T extends object>(folder: string, file: string): Promise<T | undefined> {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  try {
    const json = JSON.parse(await readFile(path, "utf8")) as unknown;
    if (typeof json !== "object" || json === null) throw new Error(`it holds ${json}, expected an object`);
    return json as T;
  } catch (cause) {
    throw new UnavailableError(`${path} is damaged: ${(cause as Error).message}; fetch it again`);
  }
}
