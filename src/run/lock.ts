import { readFileSync } from "node:fs";
import { open, readFile, rename, rm } from "node:fs/promises";

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

/** Whether the holder still runs; a lock of our own number is left over, since we do not hold one. */
function alive({ pid, boot }: Holder): boolean {
  if (pid === process.pid || boot !== bootId()) return false;
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
      return () => rm(path, { force: true });
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
    if (holder !== undefined && alive(holder)) {
      throw new Error(
        `process ${holder.pid} has been writing to this output folder since ${holder.since}; wait for it or choose another --out`,
      );
    }
    // Moving it aside first lets only one of several takers win.
    await rename(path, `${path}.${process.pid}`).then(
      () => rm(`${path}.${process.pid}`, { force: true }),
      () => {},
    );
  }
}
