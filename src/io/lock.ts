/*
 * The lock of an output folder: a file that holds the process number, start and machine of its holder as JSON.
 *
 * Own code, because each candidate breaks a promise (measured, Node 20). proper-lockfile 4.1.2, last released in
 * January 2021, refuses a rerun for 10 s after kill -9, hands over a live lock where the clocks of two machines differ
 * by 15 s, cannot name the holder, and depends on graceful-fs 4.2.12 under the licence BlueOak-1.0.0.
 * cross-process-lock 2.2.0 tests for the lock and writes it in two steps, and keeps the lock of a dead process for 20
 * minutes. os-lock 2.0.0 and fs-ext 2.1.1 are compiled by an install script.
 */
import { randomUUID } from "node:crypto";
import { link, open, readFile, rename, rm, utimes } from "node:fs/promises";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { FailedRunError } from "../errors.js";
import { type Holder, nameOfHolder, parseHolder, startOfProcess, thisSystem } from "./lock-holder.js";

/**
 * Milliseconds between two signs of life. The holder of a lock shows that it lives by setting the modification time of
 * the file.
 */
const SIGN_OF_LIFE = 1000;

/**
 * Milliseconds without a sign of life after which a holder on another machine or in another container counts as dead.
 */
const PATIENCE = 10_000;

/** Milliseconds after which a wait is told to the user. */
const SILENCE = 1000;

/** The lock is held by a process that lives. */
export class LockHeldError extends FailedRunError {
  /** The holder in words: its number, and its machine if that is another. */
  readonly holder: string;
  /** Time at which the holder took the lock, in ISO 8601. */
  readonly since: string;

  /** @param path of the lock file */
  constructor(path: string, { holder, since }: { holder: string; since: string }) {
    super(`${holder} has been holding ${path} since ${since}; wait for it`);
    this.holder = holder;
    this.since = since;
  }
}

/** Contents of the lock files that this process holds, by absolute path. */
const held = new Map<string, string>();

/**
 * Modification time of the lock in milliseconds, undefined where there is no lock. The file is opened first, because a
 * network file system may answer a stat of a path from its cache.
 */
export async function signOfLife(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  return file
    ?.stat()
    .then(({ mtimeMs }) => mtimeMs)
    .finally(() => file.close());
}

/**
 * Whether the holder of a lock still runs. For a process of the same system the start time decides. For a process of
 * another system, or where the start time is unknown, the function waits up to `patience` ms for a sign of life. It
 * compares modification times only with one another and never with the clock of this machine, so clocks may differ.
 * `onWait` is called once if the wait takes more than `SILENCE`.
 */
async function lives(
  { pid, started, system: theirs }: Holder,
  path: string,
  { patience, onWait }: { patience: number; onWait: () => void },
): Promise<boolean> {
  if (theirs === thisSystem()) {
    const start = pid === process.pid && !held.has(resolve(path)) ? undefined : startOfProcess(pid);
    if (start === undefined) return false;
    if (start !== "" && started !== "") return start === started;
  }
  const before = await signOfLife(path);
  const telling = setTimeout(onWait, SILENCE);
  try {
    return await changes(path, before, patience);
  } finally {
    clearTimeout(telling);
  }
}

/** Whether the sign of life of a lock changes within `patience` ms. */
async function changes(path: string, before: number | undefined, patience: number): Promise<boolean> {
  for (const end = performance.now() + patience; performance.now() < end; ) {
    await sleep(Math.min(SIGN_OF_LIFE / 4, patience));
    const now = await signOfLife(path);
    if (now === undefined) return false;
    if (now !== before) return true;
  }
  return false;
}

/** Options of `takeLock`. */
export interface LockOptions {
  /** Milliseconds to wait for a sign of life from a holder on another machine or in another container (10,000). */
  readonly patience?: number;
  /**
   * Called once if another process has taken over the lock, because this process stood still for so long that it
   * counted as dead.
   */
  readonly onLost?: () => void;
  /** Called with a message for the user if the wait for a sign of life takes more than a second. */
  readonly note?: (message: string) => void;
}

/**
 * Takes the lock file at `path`, or takes over the lock of a dead process. While the lock is held, its modification
 * time is set every second. This shows processes on other machines and in other containers that the holder lives.
 * @returns the function that releases the lock
 * @throws LockHeldError if a process that lives holds the lock
 * @throws the system's error, with its code, where the folder cannot be written to
 */
export async function takeLock(path: string, options: LockOptions = {}): Promise<() => Promise<void>> {
  const { patience = PATIENCE, onLost = () => {}, note = () => {} } = options;
  for (let attempt = 0; ; attempt++) {
    try {
      return await create(path, onLost);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 10) throw error;
    }
    const text = await readFile(path, "utf8").catch(() => "");
    const holder = parseHolder(text);
    if (holder !== undefined) {
      const onWait = () =>
        note(
          `${nameOfHolder(holder)} has been holding ${path} since ${holder.since}; waiting up to ` +
            `${Math.round(patience / 1000)} s for a sign of life: if the process has ended, remove the file`,
        );
      if (await lives(holder, path, { patience, onWait })) {
        throw new LockHeldError(path, { holder: nameOfHolder(holder), since: holder.since });
      }
    }
    // A text is cut short where its owner is writing it at this moment or died while writing. Wait for the owner five
    // times.
    if (holder === undefined && attempt < 5) await sleep(50);
    else await moveAside(path, text);
  }
}

/**
 * Takes the lock file at `path` only where there is none, without a wait: what many processes do that look for work.
 * @param onLost as of `takeLock`
 * @returns the function that releases the lock; undefined where there is a lock, whether its holder lives or not
 * @throws the system's error, with its code, where the folder cannot be written to
 */
export async function takeFreeLock(path: string, onLost = () => {}): Promise<(() => Promise<void>) | undefined> {
  try {
    return await create(path, onLost);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return undefined;
    throw error;
  }
}

/**
 * Whether a process that lives holds the lock at `path`. Takes up to `patience` ms where the holder runs on another
 * machine or in another container, or where the text is cut short.
 */
export async function isHeld(path: string, patience = PATIENCE): Promise<boolean> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return false;
  const holder = parseHolder(text);
  if (holder === undefined) return changes(path, await signOfLife(path), patience);
  return lives(holder, path, { patience, onWait: () => {} });
}

/** Whether the lock file at `path` exists and is still the one that this process wrote. */
export async function holdsLock(path: string): Promise<boolean> {
  const text = held.get(resolve(path));
  return text !== undefined && (await readFile(path, "utf8").catch(() => "")) === text;
}

/**
 * Creates the lock file and starts the signs of life. Returns the function that releases the lock.
 * @throws the system's error EEXIST where there is a lock already
 */
async function create(path: string, onLost: () => void): Promise<() => Promise<void>> {
  const { pid } = process;
  const holder: Holder = {
    pid,
    started: startOfProcess(pid) ?? "",
    system: thisSystem(),
    since: new Date().toISOString(),
  };
  const text = JSON.stringify(holder);
  const file = await open(path, "wx");
  try {
    await file.writeFile(text);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  held.set(resolve(path), text);
  const showLife = async () => {
    const there = await readFile(path, "utf8").catch(() => "");
    if (there === text) {
      const now = new Date();
      await utimes(path, now, now).catch(() => {});
    } else if (there !== "" && held.get(resolve(path)) === text) {
      clearInterval(living);
      onLost();
    }
  };
  const living = setInterval(showLife, SIGN_OF_LIFE).unref();
  return async () => {
    clearInterval(living);
    const ours = await holdsLock(path);
    held.delete(resolve(path));
    if (ours) await rm(path, { force: true });
  };
}

/**
 * Removes the dead lock that holds `text`. Between reading and removing, another process may have replaced the dead
 * lock by its own, so the file is renamed first and looked at again: a lock with another text is put back.
 * @throws the system's error where the folder cannot be written to
 */
async function moveAside(path: string, text: string): Promise<void> {
  // The process number would not make the name unique: in every container it may be 1.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    // Another process has removed the lock; the next attempt starts from the state after that.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== text) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
