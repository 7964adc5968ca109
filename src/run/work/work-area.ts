import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InputError } from "../../errors.js";
import { writeDurably } from "../../io/durable.js";
import { holdsLock, takeLock } from "../../io/lock.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { movePublished, PLAN, planPublication, readPlan, WORK } from "./publication.js";

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

const LOCK = "lock";
const STATE = "state.json";

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
    // Another run may have made the folder meanwhile.
    await mkdir(path).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== "EEXIST") throw cause;
    });
    return made ?? path;
  }
}

/**
 * Opens the work area of an output folder, which is made if need be, and completes a publication that was cut short.
 * @throws InputError where the output path cannot be a folder that a run may write to; Error where another run holds it
 */
export async function openWorkArea(out: string): Promise<WorkArea> {
  const area = join(out, WORK);
  const made = await claimFolder(out, area);
  const lost = new AbortController();
  const onLost = () => lost.abort(takenOver(out));
  const release = await takeLock(join(area, LOCK), undefined, onLost).catch((cause: NodeJS.ErrnoException) => {
    // A held lock is told in words; what the system refuses has a code.
    throw cause.code === undefined ? cause : unusable(out, cause);
  });
  const work = new WorkArea({ out, made, lost: lost.signal, release });
  await work.finishPublication().catch(async (error) => {
    await release();
    throw error;
  });
  return work;
}

/** Makes the work area where need be. @returns the topmost folder that was made, if any */
async function claimFolder(out: string, area: string): Promise<string | undefined> {
  try {
    const made = await makeFolders(area);
    const found = await stat(area);
    if (!found.isDirectory()) throw new Error(`${area} is not a folder`);
    if (found.dev !== (await stat(out)).dev) throw new Error(`${area} lies on another file system`);
    return made;
  } catch (cause) {
    throw unusable(out, cause as Error);
  }
}

/** The folder `.work` inside the output folder: unfinished files, state and lock. Outputs move out of it at the end. */
export class WorkArea {
  readonly out: string;
  /** Path of a file in the area. */
  readonly path = (name: string): string => join(this.#area, name);
  readonly #area: string;
  /** Topmost folder that this run has made, if any. */
  readonly #made: string | undefined;
  /** Aborted where another process has taken the area over. */
  readonly #lost: AbortSignal;
  readonly #release: () => Promise<void>;
  readonly #sideTasks: Promise<void>[] = [];

  /** `openWorkArea` makes one, with the lock taken. */
  constructor(options: { out: string; made?: string; lost: AbortSignal; release: () => Promise<void> }) {
    this.out = options.out;
    this.#area = join(options.out, WORK);
    this.#made = options.made;
    this.#lost = options.lost;
    this.#release = options.release;
  }

  /** Aborted with `signal`, or where another process has taken the area over: what is written now would go into its files. */
  stopSignal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#lost : AbortSignal.any([signal, this.#lost]);
  }

  /** State of an interrupted run, if any. */
  async readState(): Promise<WorkState | undefined> {
    const text = await readFile(this.path(STATE), "utf8").catch(() => undefined);
    return text === undefined ? undefined : parseState(text);
  }

  /** @throws Error where another process has taken the folder over meanwhile: what is saved there is its own */
  async saveState(state: WorkState): Promise<void> {
    await this.#requireLock();
    await writeDurably(this.path(STATE), JSON.stringify(state));
  }

  /** Drops the vectors of an earlier run; standard input as it was saved stays, which may be that of this run already. */
  async clear(): Promise<void> {
    // The state goes before what it names, the plan last: until then a later process must find it.
    await rm(this.path(STATE), { force: true });
    const names = await readdir(this.#area).catch(() => []);
    for (const name of names) if (name.startsWith(EMBEDDINGS)) await rm(this.path(name), { force: true });
    await rm(this.path(PLAN), { force: true });
  }

  /** Does something on the side, such as making a file durable: `publish` waits for it and fails with it, `close` waits. */
  aside(task: () => Promise<void>): void {
    const started = task();
    // Told to `publish`; until then a failure must not count as unhandled.
    started.catch(() => {});
    this.#sideTasks.push(started);
  }

  /**
   * Moves finished files into the output folder and removes files there that no longer belong to it. Once it has begun it
   * is completed even by a later process, so the files of two runs are never mixed for longer than a crash lasts.
   * @throws Error where another process has taken the folder over meanwhile, or something is in the way
   */
  async publish(files: readonly string[], stale: readonly string[]): Promise<void> {
    await Promise.all(this.#sideTasks);
    await this.#requireLock();
    await planPublication(this.out, this.#area, { files, stale });
    await this.finishPublication();
  }

  /** Completes a publication that was begun, by this process or an earlier one. */
  async finishPublication(): Promise<void> {
    const plan = await readPlan(this.#area);
    if (plan === undefined) return;
    await movePublished(this.out, this.#area, plan);
    if (!plan.files.includes(EMBEDDINGS)) return rm(this.path(PLAN), { force: true });
    // The state of an interrupted run goes with the vectors it belongs to.
    await rm(this.path("stdin.jsonl"), { force: true });
    await this.clear();
  }

  /** What went wrong in words that help, where the system only says which call failed: the disk is full, the folder is gone. */
  explain(error: unknown): unknown {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && !existsSync(this.#area)) {
      return new Error(
        `the output folder ${this.out} was removed during the run (${message}); run the same command again`,
      );
    }
    return noSpace(this.out, error) ?? error;
  }

  /** Releases the lock; an area without anything worth keeping disappears, and so does an output folder that stayed empty. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#sideTasks);
    // What another process has taken over is its own.
    const taken = !(await holdsLock(this.path(LOCK)));
    if (taken || existsSync(this.path(STATE)) || existsSync(this.path(PLAN))) return this.#release();
    const names = await readdir(this.#area).catch(() => []);
    for (const name of names) if (name !== LOCK) await rm(this.path(name), { force: true });
    await this.#release();
    // Where another run has come in since, the folder is not empty and stays.
    await rmdir(this.#area).catch(() => {});
    if (this.#made !== undefined) await rmdir(this.out).catch(() => {});
  }

  async #requireLock(): Promise<void> {
    if (existsSync(this.#area) && !(await holdsLock(this.path(LOCK)))) throw takenOver(this.out);
  }
}

function unusable(out: string, cause: Error): Error {
  return (
    noSpace(out, cause) ?? new InputError(`cannot use ${out} as output folder: ${cause.message}; choose another --out`)
  );
}

function takenOver(out: string): Error {
  return new Error(
    `another process has taken ${out} over while this one stood still; nothing was published: wait for it or choose another --out`,
  );
}

/** A full disk in words that help; undefined for any other error. */
function noSpace(out: string, error: unknown): Error | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new Error(
    `no space is left for ${out} (${message}); nothing was published: free some and run the same command again to continue`,
  );
}

/** The state that a file holds, or undefined where it is none: then there is nothing to continue. */
function parseState(text: string): WorkState | undefined {
  try {
    const state = JSON.parse(text) as WorkState;
    const counts = [state.stored, state.dim, state.truncated, state.tokens];
    const usable =
      typeof state.fingerprint === "object" &&
      state.fingerprint !== null &&
      counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
      Number.isSafeInteger(state.through) &&
      typeof state.complete === "boolean" &&
      typeof state.digest === "string";
    return usable ? state : undefined;
  } catch {
    return undefined;
  }
}

/** What differs between two fingerprints, in words, or undefined where nothing does. */
export function fingerprintChange(before: Fingerprint, after: Fingerprint): string | undefined {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[key] !== after[key]) return `${key} was ${before[key] ?? "absent"} and is ${after[key] ?? "absent"}`;
  }
  return undefined;
}
