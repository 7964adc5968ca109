import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../errors.js";

/**
 * A JSON file of a model folder, or undefined where there is none.
 * @throws UnavailableError where it cannot be read or is no JSON
 */
export async function readJson<T>(folder: string, file: string): Promise<T | undefined> {
  const path = join(folder, file);
  if (!existsSync(path)) return undefined;
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (cause) {
    throw new UnavailableError(`${path} is damaged: ${(cause as Error).message}; fetch it again`);
  }
}
