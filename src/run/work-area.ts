import { existsSync } from "node:fs";
import { lstat, mkdir, open, readdir, readFile, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../errors.js";
import { takeLock } from "../io/lock.js";

/**
 * Everything that vectors depend on. Work of an earlier run is continued only where all of it is the same; the names of
 * the fields appear in the message that says what changed.
 */
export type Fingerprint = Readonly<Record<string, string | number>>;

/** What an interrupted run leaves behind beside its files. */
export interface WorkState {
  readonly fingerprint: Fingerprint;
  /** Vectors of the unfinished store that are safe, and whether the store is finished. */
  readonly stored: number;
  readonly complete: boolean;
  readonly dim: number;
  /** Row of the last text that has been embedded; a window ends with it. */
  readonly through: number;
  /** Running SHA-256 over the texts up to that one. */
  readonly digest: string;
  /** Counters that belong to those texts. */
  readonly truncated: number;
  readonly tokens: number;
}

/** The folder `.work` inside the output folder: unfinished files, state and lock. Outputs move out of it at the end. */
export interface WorkArea {
  readonly out: string;
  /** Path of a file in the area. */
  path(name: string): string;
  /** State of an interrupted run, if any. */
  readState(): Promise<WorkState | undefined>;
  saveState(state: WorkState): Promise<void>;
  /** Drops everything an earlier run left. */
  clear(): Promise<void>;
  /** Does something on the side, such as making a file durable: `publish` waits for it and fails with it, `close` waits. */
  aside(task: () => Promise<void>): void;
  /**
   * Moves finished files into the output folder and removes files there that no longer belong to it. Once it has begun it
   * is completed even by a later process, so the files of two runs are never mixed for longer than a crash lasts.
   */
  publish(files: readonly string[], stale: readonly string[]): Promise<void>;
  /** What went wrong in words that help, where the system only says which call failed: the disk is full, the folder is gone. */
  explain(error: unknown): unknown;
  /** Releases the lock; an area without anything worth keeping disappears, and so does an output folder that stayed empty. */
  close(): Promise<void>;
}

const LOCK = "lock";
const STATE = "state.json";
const PUBLISH = "publish.json";

/** Writes a small file so that it is there whole or not at all, even after a power failure. */
async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, "w");
  await file.writeFile(text);
  await file.sync();
  await file.close();
  await rename(`${path}.new`, path);
}

/** Makes renames in a folder durable, where the system lets a folder be synced. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  await folder?.sync().catch(() => {});
  await folder?.close();
}

/**
 * Makes a folder and those above it; the recursive mkdir of Node.js 20 never returns where a file system like /proc says
 * that a folder which is there does not exist.
 * @returns the topmost folder that was made, if any
 */
async function makeFolders(path: string): Promise<string | undefined> {
  try {
    await mkdir(path);
    return path;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return undefined;
    const above = dirname(path);
    if (code !== "ENOENT" || existsSync(above)) throw error;
    const link = await lstat(above).catch(() => undefined);
    if (link?.isSymbolicLink()) throw new Error(`${above} is a link to a folder that does not exist`);
    const made = await makeFolders(above);
    await mkdir(path);
    return made ?? path;
  }
}

/**
 * Opens the work area of an output folder, which is made if need be, and completes a publication that was cut short.
 * @throws InputError where the output path cannot be a folder; Error where another run holds it
 */
export async function openWorkArea(out: string): Promise<WorkArea> {
  const area = join(out, ".work");
  const path = (name: string) => join(area, name);
  let made: string | undefined;
  try {
    made = await makeFolders(area);
    if (!(await stat(area)).isDirectory()) throw new Error("it is not a folder");
  } catch (cause) {
    throw new InputError(`cannot use ${out} as output folder: ${(cause as Error).message}; choose another --out`);
  }
  const release = await takeLock(path(LOCK));

  const finishPublication = async () => {
    const { files, stale } = JSON.parse(await readFile(path(PUBLISH), "utf8")) as { files: string[]; stale: string[] };
    for (const name of stale) await rm(join(out, name), { force: true });
    for (const name of files) if (existsSync(path(name))) await rename(path(name), join(out, name));
    await syncFolder(out);
    // The state of an interrupted run goes with the vectors it belongs to.
    if (files.includes("embeddings.arrow")) await clear();
    else await rm(path(PUBLISH), { force: true });
  };
  const clear = async () => {
    // The state goes before what it names, the plan last: until then a later process must find it.
    await rm(path(STATE), { force: true });
    const names = await readdir(area).catch(() => []);
    for (const name of names) if (name.startsWith("embeddings.arrow")) await rm(path(name), { force: true });
    for (const name of ["stdin.jsonl", PUBLISH]) await rm(path(name), { force: true });
  };
  if (existsSync(path(PUBLISH))) await finishPublication();
  const sideTasks: Promise<void>[] = [];
  return {
    out,
    path,
    async readState() {
      const text = await readFile(path(STATE), "utf8").catch(() => undefined);
      if (text === undefined) return undefined;
      try {
        return JSON.parse(text) as WorkState;
      } catch {
        return undefined;
      }
    },
    saveState: (state) => writeDurably(path(STATE), JSON.stringify(state)),
    clear,
    aside(task) {
      const started = task();
      // Told to `publish`; until then a failure must not count as unhandled.
      started.catch(() => {});
      sideTasks.push(started);
    },
    async publish(files, stale) {
      await Promise.all(sideTasks);
      await writeDurably(path(PUBLISH), JSON.stringify({ files, stale }));
      await syncFolder(area);
      await finishPublication();
    },
    explain(error) {
      const { code, message } = error as { code?: string; message?: string };
      if (code === "ENOSPC" || code === "EDQUOT") {
        return new Error(
          `no space is left for ${out} (${message}); nothing was published: free some and run the same command again to continue`,
        );
      }
      if (code !== undefined && !existsSync(area)) {
        return new Error(
          `the output folder ${out} was removed during the run (${message}); run the same command again`,
        );
      }
      return error;
    },
    async close() {
      await Promise.allSettled(sideTasks);
      if (existsSync(path(STATE)) || existsSync(path(PUBLISH))) return release();
      for (const name of await readdir(area).catch(() => [])) if (name !== LOCK) await rm(path(name), { force: true });
      await release();
      // Where another run has come in since, the folder is not empty and stays.
      await rmdir(area).catch(() => {});
      if (made !== undefined) await rmdir(out).catch(() => {});
    },
  };
}

/** What differs between two fingerprints, in words, or undefined where nothing does. */
export function fingerprintChange(before: Fingerprint, after: Fingerprint): string | undefined {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[key] !== after[key]) return `${key} was ${before[key] ?? "absent"} and is ${after[key] ?? "absent"}`;
  }
  return undefined;
}
