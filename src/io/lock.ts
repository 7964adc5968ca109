/*
 * Own code, because each candidate breaks a promise (measured, Node 20). proper-lockfile 4.1.2, last released in January 2021,
 * refuses a rerun for 10 s after kill -9, gives a live lock away where two machines' clocks differ by 15 s, cannot name the
 * holder and brings graceful-fs 4.2.12 under BlueOak-1.0.0. cross-process-lock 2.2.0 looks and then writes, and keeps a dead
 * process's lock for 20 minutes. os-lock 2.0.0 and fs-ext 2.1.1 are compiled by an install script.
 */
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readFile, rename, rm, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The process that holds a lock, as the lock file tells. */
interface Holder {
  readonly pid: number;
  /** Start of the process, which tells it from a later one of the same number; empty where the system does not tell. */
  readonly started: string;
  /** The system whose process numbers these are, see `system`. */
  readonly system: string;
  readonly since: string;
}

/** Milliseconds between two signs of life of a holder, which are new times of modification of its lock. */
const SIGN_OF_LIFE = 1000;

/** Milliseconds without a sign of life after which a process of another machine or container counts as dead. */
const PATIENCE = 10_000;

/** Text of the locks that this process holds, by absolute path. */
const held = new Map<string, string>();

/** What a file or link of the system says, empty where there is none. */
function told(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return "";
  }
}

/** Boot, process namespace and host: a process number means the same process only where all three are the same. */
function system(): string {
  const boot = told(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  return `${boot} ${told(() => readlinkSync("/proc/self/ns/pid"))} ${hostname()}`;
}

/** Start of a process in the system's ticks; empty where the system does not tell, undefined where the process has ended. */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  // The fields follow the name, which may hold anything. A zombie has ended, though it is still listed.
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return /[ZX]/.test(state) ? undefined : (fields[18] ?? "");
}

/** Time of the last sign of life. The lock is opened, because network file systems may answer a mere stat from memory. */
async function signOfLife(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  return file
    ?.stat()
    .then(({ mtimeMs }) => mtimeMs)
    .finally(() => file.close());
}

/** Whether the holder of a lock still runs. Where the system does not know, the holder has `patience` ms to show life. */
async function lives({ pid, started, system: theirs }: Holder, path: string, patience: number): Promise<boolean> {
  if (theirs === system()) {
    const start = pid === process.pid && !held.has(resolve(path)) ? undefined : startOf(pid);
    if (start === undefined) return false;
    if (start !== "" && started !== "") return start === started;
  }
  const before = await signOfLife(path);
  for (const end = performance.now() + patience; performance.now() < end; ) {
    await sleep(Math.min(SIGN_OF_LIFE / 4, patience));
    const now = await signOfLife(path);
    if (now === undefined) return false;
    if (now !== before) return true;
  }
  return false;
}

/** The holder that a lock names, undefined where the text is cut off or was not written here. */
function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isSafeInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock file at `path`, or takes over that of a dead process. While the lock is held its time of modification moves
 * on, which shows processes of other machines and containers on the same files that the holder lives.
 * @param patience milliseconds for which a process waits for a sign of life of such a holder
 * @param onLost called once where another process took this one for dead while it stood still, and now has the lock
 * @returns the function that releases the lock
 * @throws Error naming the process that holds the lock; the system's error, with its code, where the folder cannot be written
 */
export async function takeLock(
  path: string,
  patience = PATIENCE,
  onLost: () => void = () => {},
): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await create(path, onLost);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 10) throw error;
    }
    const text = await readFile(path, "utf8").catch(() => "");
    const holder = parseHolder(text);
    if (holder !== undefined && (await lives(holder, path, patience))) {
      const elsewhere = holder.system === system() ? "" : " of another machine or container";
      throw new Error(
        `process ${holder.pid}${elsewhere} has been writing to this output folder since ${holder.since}; ` +
          "wait for it or choose another --out",
      );
    }
    // A text that is cut off: either its owner is writing it this moment, or died doing so.
    if (holder === undefined && attempt < 5) await sleep(50);
    else await moveAside(path, text);
  }
}

/** Whether the lock at `path` is there and still the one that this process took. */
export async function holdsLock(path: string): Promise<boolean> {
  const text = held.get(resolve(path));
  return text !== undefined && (await readFile(path, "utf8").catch(() => "")) === text;
}

/** Makes the lock file. @throws the system's EEXIST where there is a lock */
async function create(path: string, onLost: () => void): Promise<() => Promise<void>> {
  const { pid } = process;
  const holder: Holder = { pid, started: startOf(pid) ?? "", system: system(), since: new Date().toISOString() };
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
 * Moves a dead lock out of the way; a lock that another taker has put in its place meanwhile goes back.
 * @throws the system's error where the folder cannot be written to
 */
async function moveAside(path: string, text: string): Promise<void> {
  // Not by the number of this process, which in every container may be 1.
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    // Another taker was first; the next attempt sees what is there now.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== text) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}
