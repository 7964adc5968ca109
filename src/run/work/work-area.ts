import { existsSync } from "node:fs";
import { lstat, mkdir, readdir, readFile, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { FailedRunError, InputError, mayPass, UsageError } from "../../errors.js";
import { writeDurably } from "../../io/durable.js";
import { holdsLock, LockHeldError, takeLock } from "../../io/lock.js";
import { EMBEDDINGS } from "../write/output-names.js";
import { holdsTasks, removeTasks, requireNoTasks } from "./planned-tasks.js";
import { movePublished, PLAN, planPublication, readPlan, requireFree, WORK } from "./publication.js";
import { parseState, type WorkState } from "./work-state.js";

/** Name of the lock of the process that writes to the output folder. */
export const LOCK = "lock";
/** Folder of the copies of standard input and of pipes, which the second pass could not read again. */
export const COPIES = "inputs";
const STATE = "state.json";
/** Folder in which k-means over many machines exchanges its files and saves its way. */
export const KMEANS = "kmeans";

/** Options of `openWorkArea`. */
export interface WorkAreaOptions {
  /** Names of files that the run will publish or remove. */
  readonly files?: Iterable<string>;
  /** Called with a message if the lock of a process elsewhere is waited for. */
  readonly note?: (message: string) => void;
  /** What happens to a run in tasks that the folder holds unfinished: it is refused unless it is dropped or its planner opens the area. */
  readonly tasks?: "refused" | "dropped" | "welcome";
}

/**
 * Makes a folder and the folders above it. The recursive mkdir of Node.js 20 never returns if a file system such as
 * /proc denies the existence of a folder that exists.
 * @returns the topmost folder that was made, or undefined if the folder existed
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
 * Opens the work area of an output folder, takes its lock and completes an interrupted publication. The folders are
 * made if necessary.
 * @returns the work area, which the caller closes
 * @throws UsageError if the path cannot serve as output folder, if a folder is in the way of a file, or for a run in
 * tasks; FailedRunError if another run holds the lock
 */
export async function openWorkArea(
  out: string,
  { files = [], note, tasks = "refused" }: WorkAreaOptions = {},
): Promise<WorkArea> {
  const area = join(out, WORK);
  const made = await claimFolder(out, area);
  const lost = new AbortController();
  const onLost = () => lost.abort(takenOver(out));
  const release = await takeLock(join(area, LOCK), { onLost, note }).catch((cause: Error) => {
    if (!(cause instanceof LockHeldError)) throw unusable(out, cause);
    throw new FailedRunError(
      `${cause.holder} has been writing to this output folder since ${cause.since}; wait for it or choose another --out`,
    );
  });
  const work = new WorkArea({ out, made, lost: lost.signal, release });
  try {
    if (tasks === "dropped") await removeTasks(area);
    if (tasks === "refused") requireNoTasks(out, area);
    await work.finishPublication();
    await requireFree(out, files);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    await work.close();
    throw code === undefined ? error : unusable(out, error as Error);
  }
  return work;
}

/**
 * Makes the work area if necessary and checks that files can be renamed from there into the output folder.
 * @returns the topmost folder that was made, if any
 */
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

/**
 * The folder `.work` inside the output folder. It holds unfinished files, the state and the lock; finished outputs move
 * out of it at the end.
 */
export class WorkArea {
  readonly out: string;
  /** Path of a file in the area. */
  readonly path = (name: string): string => join(this.#area, name);
  readonly #area: string;
  /** Topmost folder that this run has made; `close` removes the output folder again if it stays empty. */
  readonly #made: string | undefined;
  /** Aborted when another process has taken the area over. */
  readonly #lost: AbortSignal;
  readonly #release: () => Promise<void>;
  /** Tasks of `aside` that have started. */
  readonly #sideTasks: Promise<void>[] = [];

  /** Called by `openWorkArea`, which has taken the lock. */
  constructor(options: { out: string; made?: string; lost: AbortSignal; release: () => Promise<void> }) {
    this.out = options.out;
    this.#area = join(options.out, WORK);
    this.#made = options.made;
    this.#lost = options.lost;
    this.#release = options.release;
  }

  /**
   * Returns a signal that aborts with `signal`, or when another process takes the area over: anything written after
   * that would go into the files of the other process.
   */
  stopSignal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#lost : AbortSignal.any([signal, this.#lost]);
  }

  /** Reads the state of an interrupted run; undefined if there is none that can be used. */
  async readState(): Promise<WorkState | undefined> {
    const text = await readFile(this.path(STATE), "utf8").catch(() => undefined);
    return text === undefined ? undefined : parseState(text);
  }

  /**
   * Saves the state durably.
   * @throws Error if another process has taken the area over
   */
  async saveState(state: WorkState): Promise<void> {
    await this.#requireLock();
    await writeDurably(this.path(STATE), JSON.stringify(state));
  }

  /**
   * Drops the vectors of an earlier run. A saved copy of standard input stays, because it may already be that of this
   * run.
   */
  async clear(): Promise<void> {
    // The state is removed before the files that it names. The plan is removed last, so that a later process finds it
    // until then.
    await rm(this.path(STATE), { force: true });
    const names = await readdir(this.#area).catch(() => []);
    for (const name of names) if (name.startsWith(EMBEDDINGS)) await rm(this.path(name), { force: true });
    await rm(this.path(PLAN), { force: true });
  }

  /**
   * Starts a task that runs beside the next stages, such as making a file durable. `publish` waits for the task and
   * fails if the task fails; `close` only waits.
   */
  aside(task: () => Promise<void>): void {
    const started = task();
    // `publish` reports a failure; until then Node must not count it as unhandled.
    started.catch(() => {});
    this.#sideTasks.push(started);
  }

  /**
   * Moves finished files into the output folder and removes stale files there. A publication that has begun will be
   * completed, if not by this process then by a later one, so files of two runs are mixed at most until the next run.
   * @param files names of finished files in the area
   * @param stale names of files in the output folder that no longer belong to its content
   * @throws Error if another process has taken the area over, or if a folder is in the way of a file
   */
  async publish(files: readonly string[], stale: readonly string[]): Promise<void> {
    await Promise.all(this.#sideTasks);
    await this.#requireLock();
    await planPublication(this.out, this.#area, { files, stale });
    await this.finishPublication();
    await rm(this.path(KMEANS), { recursive: true, force: true, maxRetries: 5 });
  }

  /** Completes a publication that this process or an earlier one has begun. */
  async finishPublication(): Promise<void> {
    const plan = await readPlan(this.#area);
    if (plan === undefined) return;
    await movePublished(this.out, this.#area, plan);
    if (!plan.files.includes(EMBEDDINGS)) return rm(this.path(PLAN), { force: true });
    // The state of an interrupted run is removed together with the vectors that it describes.
    await rm(this.path(COPIES), { recursive: true, force: true });
    await this.clear();
  }

  /**
   * Turns an error of the system into one that helps: the disk is full, the output folder is gone, or it can no longer be
   * written to. Any other error stays as it is.
   */
  explain(error: unknown): unknown {
    const { code, message, path } = error as NodeJS.ErrnoException;
    const inside = path !== undefined && isInside(path, this.out);
    // Whatever is missing in the folder, this run has put there.
    if (
      (code === "ENOENT" && inside) ||
      ((code !== undefined || error instanceof InputError) && !existsSync(this.#area))
    ) {
      return new FailedRunError(
        `the output folder ${this.out} was removed during the run (${message}); run the same command again`,
      );
    }
    // A limit on the size of files shows in a write, which names no path.
    return inside || code === "EFBIG" ? unusable(this.out, error as Error) : (noSpace(this.out, error) ?? error);
  }

  /**
   * Releases the lock. An area that holds nothing to continue from is removed, and so is an output folder that this run
   * made and left empty.
   */
  async close(): Promise<void> {
    await Promise.allSettled(this.#sideTasks);
    // Files of an area that another process has taken over belong to that process.
    const taken = !(await holdsLock(this.path(LOCK)));
    const unfinished = [STATE, PLAN, KMEANS].some((name) => existsSync(this.path(name))) || holdsTasks(this.#area);
    if (taken || unfinished) return this.#release();
    const names = await readdir(this.#area).catch(() => []);
    for (const name of names) if (name !== LOCK) await rm(this.path(name), { recursive: true, force: true });
    await this.#release();
    // If another run has begun since, the folder is not empty and stays.
    await rmdir(this.#area).catch(() => {});
    if (this.#made !== undefined) await rmdir(this.out).catch(() => {});
  }

  async #requireLock(): Promise<void> {
    if (existsSync(this.#area) && !(await holdsLock(this.path(LOCK)))) throw takenOver(this.out);
  }
}

function isInside(path: string, folder: string): boolean {
  return resolve(path).startsWith(join(resolve(folder), sep));
}

/** An error that says why a folder cannot take the outputs. */
function unusable(out: string, cause: Error): Error {
  const message = `cannot use ${out} as output folder: ${cause.message}; choose another --out`;
  return (
    noSpace(out, cause) ??
    (mayPass(cause) ? new FailedRunError(message, { cause }) : new UsageError(message, { cause }))
  );
}

function takenOver(out: string): Error {
  return new FailedRunError(
    `another process has taken ${out} over while this one stood still; nothing was published: wait for it or choose another --out`,
  );
}

/** An error that explains a full disk; undefined for any other error. */
export function noSpace(out: string, error: unknown): Error | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code !== "ENOSPC" && code !== "EDQUOT") return undefined;
  return new FailedRunError(
    `no space is left for ${out} (${message}); nothing was published: free some and run the same command again to continue`,
  );
}
