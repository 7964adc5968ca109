import { readFileSync } from "node:fs";
import { link, open, readFile, rename, rm } from "node:fs/promises";
import { resolve } from "node:path";

/** Who holds the lock. */
interface Holder {
  readonly pid: number;
  /** Distinguishes a process of before a reboot that had the same number. */
  readonly boot: string;
  readonly since: string;
}

/** Identity of the running system; empty where it does not tell, then only the process number counts. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}

/** Locks that this process holds, by absolute path. */
const held = new Set<string>();

/** Whether the holder still runs; a lock of our own number that we do not hold is left over from before a restart. */
function alive({ pid, boot }: Holder, path: string): boolean {
  if (pid === process.pid) return held.has(resolve(path));
  if (boot !== bootId()) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/**
 * Takes the lock file at `path`, or takes over that of a dead process. Returns what releases it.
 * @throws Error naming the process that holds it
 */
export async function takeLock(path: string): Promise<() => Promise<void>> {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = await open(path, "wx");
      const holder: Holder = { pid: process.pid, boot: bootId(), since: new Date().toISOString() };
      await file.writeFile(JSON.stringify(holder));
      await file.close();
      held.add(resolve(path));
      return async () => {
        held.delete(resolve(path));
        await rm(path, { force: true });
      };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 10) throw error;
    }
    const text = await readFile(path, "utf8").catch(() => "");
    let holder: Holder | undefined;
    try {
      holder = JSON.parse(text) as Holder;
    } catch {
      // Empty or cut off: either its owner is writing it this moment, or it died doing so.
      if (attempt < 5) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        continue;
      }
    }
    if (holder !== undefined && alive(holder, path)) {
      throw new Error(
        `process ${holder.pid} has been writing to this output folder since ${holder.since}; wait for it or choose another --out`,
      );
    }
    await moveAside(path, text);
  }
}

/** Moves a dead lock out of the way; one that another taker has put in its place meanwhile goes back. */
async function moveAside(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  try {
    await rename(path, aside);
    if ((await readFile(aside, "utf8")) !== text) await link(aside, path);
  } catch {
    // Another taker was first; the next attempt sees what is there now.
  }
  await rm(aside, { force: true });
}
