import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readFile, rename, rm, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { resolve } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Who holds a lock. */
interface Holder {
  readonly pid: number;
  /**
   * When the process began, in the system's ticks: tells it from a later one that was given the same number. Empty where the
   * system does not tell.
   */
  readonly started: string;
  /** The system whose process numbers these are, see `system`. */
  readonly system: string;
  readonly since: string;
}

/** Milliseconds between two signs of life of a holder, its lock's time of modification. */
const SIGN_OF_LIFE = 1000;

/** Milliseconds without one after which a process of another machine or container counts as dead. */
const PATIENCE = 10_000;

/** Text of the locks that this process holds, by absolute path. */
const held = new Map<string, string>();

/** What a system file or link says, empty where there is none. */
function told(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return "";
  }
}

/** Boot, process namespace and host: only where all are the same does a process number mean the same process. */
function system(): string {
  const boot = told(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  return `${boot} ${told(() => readlinkSync("/proc/self/ns/pid"))} ${hostname()}`;
}

/** State and start of a process as Linux tells them behind its name, which may hold anything; undefined elsewhere. */
function processStat(pid: number): { state: string; started: string } | undefined {
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields.length < 20 ? undefined : { state: fields[0], started: fields[19] };
}

/** Whether a process of this system still runs; a lock of our own number that we do not hold is left over. */
function runs({ pid, started }: Holder, path: string): boolean {
  if (pid === process.pid) return held.has(resolve(path));
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return false;
  }
  const found = processStat(pid);
  if (found === undefined || started === "") return true;
  // One that has ended and that nobody has waited for is still listed, as a zombie.
  return found.started === started && !/[ZX]/.test(found.state);
}

/** Time of the last sign of life. Opened anew each time, since network file systems may answer a mere stat from memory. */
async function signOfLife(path: string): Promise<number | undefined> {
  const file = await open(path, "r").catch(() => undefined);
  try {
    return (await file?.stat())?.mtimeMs;
  } finally {
    await file?.close();
  }
}

/** Waits for a holder of whom the system tells nothing certain to show that it lives. */
async function showsLife(path: string, patience: number): Promise<boolean> {
  const before = await signOfLife(path);
  for (const end = performance.now() + patience; performance.now() < end; ) {
    await setTimeout(Math.min(SIGN_OF_LIFE / 4, patience));
    const now = await signOfLife(path);
    if (now === undefined) return false;
    if (now !== before) return true;
  }
  return false;
}

/** Whether the holder of a lock still runs, here or elsewhere. */
async function lives(holder: Holder, here: boolean, path: string, patience: number): Promise<boolean> {
  if (here && !runs(holder, path)) return false;
  // Where its start is not known, another process may have been given its number since, as after a power failure.
  return (here && holder.started !== "") || showsLife(path, patience);
}

/** The holder that a lock names, undefined where it is cut off or none of ours. */
function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, started, system, since } = JSON.parse(text) as Partial<Holder>;
    if (!Number.isSafeInteger(pid) || (pid as number) <= 0) return undefined;
    return { pid: pid as number, started: String(started), system: String(system), since: String(since) };
  } catch {
    return undefined;
  }
}

/**
 * Takes the lock file at `path`, or takes over that of a dead process. While it is held its time of modification moves on, by
 * which processes of other machines and containers on the same files know that the holder lives. Returns what releases it.
 * @param patience milliseconds for which such a process waits for that
 * @param onLost called once where the lock has become that of another, who took this process for dead while it stood still
 * @throws Error naming the process that holds it
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
    // Empty or cut off: either its owner is writing it this moment, or it died doing so.
    if (holder === undefined && attempt < 5) {
      await setTimeout(50);
      continue;
    }
    if (holder !== undefined) {
      const here = holder.system === system();
      if (await lives(holder, here, path, patience)) {
        throw new Error(
          `process ${holder.pid}${here ? "" : " of another machine or container"} has been writing to this output folder ` +
            `since ${holder.since}; wait for it or choose another --out`,
        );
      }
    }
    await moveAside(path, text);
  }
}

/** Whether the lock at `path` is there and still the one that this process took. */
export async function holdsLock(path: string): Promise<boolean> {
  const text = held.get(resolve(path));
  return text !== undefined && (await readFile(path, "utf8").catch(() => "")) === text;
}

/** @throws the system's EEXIST where there is a lock */
async function create(path: string, onLost: () => void): Promise<() => Promise<void>> {
  const { pid } = process;
  const started = processStat(pid)?.started ?? "";
  const holder: Holder = { pid, started, system: system(), since: new Date().toISOString() };
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
 * Moves a dead lock out of the way; one that another taker has put in its place meanwhile goes back.
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
