import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/*
 * Layout of a cache folder:
 *
 *     cache.json              says that the folder is a cache, and in which format
 *     SPACE/model.json        name and dimension of the model whose vectors lie beside it
 *     SPACE/*.vectors, *.index
 */

/** Format of the folder. A program that finds a later one leaves the folder alone. */
const CACHE_FORMAT = 1;

const MARKER = "cache.json";
const MODEL = "model.json";

/** The folder cannot serve as a cache; the message is one clause that follows the folder's name. */
export class CacheFolderError extends Error {}

/** What made the vectors of a space, for `cache stats`. */
export interface SpaceModel {
  readonly name: string;
  readonly device: string;
  readonly dim: number;
}

/**
 * Makes sure that a folder is a cache of this format.
 * @param create makes one of a folder that is empty or absent
 * @throws CacheFolderError if the folder is something else
 */
export function requireCacheFolder(folder: string, create: boolean): void {
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) throw new CacheFolderError("is a file; expected a folder");
  if (found === undefined) {
    if (!create) throw new CacheFolderError("does not exist");
    mkdirSync(folder, { recursive: true });
  }
  const format = readJson<{ format?: unknown }>(join(folder, MARKER))?.format;
  if (format === CACHE_FORMAT) return;
  if (typeof format === "number") {
    throw new CacheFolderError(
      `has format ${format}, which a later version of this program wrote; expected ${CACHE_FORMAT}`,
    );
  }
  // An interrupted creation may have left the marker's other name.
  const others = readdirSync(folder).filter((name) => !name.startsWith(MARKER));
  if (others.length > 0 || !create) {
    throw new CacheFolderError(`holds no readable ${MARKER}, so it is no cache of this program; name another folder`);
  }
  writeJson(folder, MARKER, { program: "bge-dedup", format: CACHE_FORMAT });
}

/** Folder of a space. */
export function spaceFolder(folder: string, space: string): string {
  return join(folder, space);
}

/** What is known of a space; undefined if the space is new or its description is damaged. */
export function readSpaceModel(folder: string): SpaceModel | undefined {
  const model = readJson<Partial<SpaceModel>>(join(folder, MODEL));
  const { name, device, dim } = model ?? {};
  if (typeof name !== "string" || typeof device !== "string") return undefined;
  return Number.isSafeInteger(dim) && (dim as number) > 0 ? { name, device, dim: dim as number } : undefined;
}

/** Makes the folder of a space and describes it. */
export function writeSpaceModel(folder: string, model: SpaceModel): void {
  mkdirSync(folder, { recursive: true });
  writeJson(folder, MODEL, model);
}

/** Names of the spaces of a cache. */
export function listSpaces(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && /^[0-9a-f]{32}$/.test(entry.name))
    .map(({ name }) => name)
    .sort();
}

function readJson<T>(path: string): T | undefined {
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    return typeof value === "object" && value !== null ? (value as T) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** Puts a file in place as a whole, so that a run beside this one never reads half of it. */
function writeJson(folder: string, name: string, value: object): void {
  const fresh = join(folder, `${name}.${process.pid}.new`);
  writeFileSync(fresh, `${JSON.stringify(value)}\n`);
  renameSync(fresh, join(folder, name));
}
