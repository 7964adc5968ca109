import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** The process that holds a lock, as the lock file names it. */
export interface Holder {
  readonly pid: number;
  /**
   * Start time of the process in clock ticks since boot. It tells the process from a later one with the same number.
   * Empty where the system has no /proc.
   */
  readonly started: string;
  /** The system in which `pid` is valid, see `thisSystem`. */
  readonly system: string;
  /** Time at which the lock was taken, in ISO 8601. */
  readonly since: string;
}

/** The trimmed text that `read` returns, or an empty text where it throws because the file does not exist. */
function told(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return "";
  }
}

/**
 * Names the boot, the process namespace and the host. A process number means the same process only where all three are
 * the same.
 */
export function thisSystem(): string {
  const boot = told(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8"));
  return `${boot} ${told(() => readlinkSync("/proc/self/ns/pid"))} ${hostname()}`;
}

/** Names the process that holds a lock, as a message does. */
export function nameOfHolder({ pid, system: theirs }: Holder): string {
  if (theirs === thisSystem()) return `process ${pid}`;
  return `process ${pid} of another machine or container (${theirs.split(" ").at(-1)})`;
}

/**
 * Start time of a process in clock ticks; empty where the system has no /proc, undefined where the process has ended.
 */
export function startOfProcess(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return undefined;
  }
  // The fields follow the process name in parentheses, which may itself hold spaces and parentheses. Field 22 of
  // proc(5) is the start time. A zombie (Z) or dead process (X) has ended, though the system still lists it.
  const stat = told(() => readFileSync(`/proc/${pid}/stat`, "latin1"));
  const [state, ...fields] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return /[ZX]/.test(state) ? undefined : (fields[18] ?? "");
}

/**
 * The holder named in the text of a lock file; undefined where the text is cut short or was not written by this
 * program.
 */
export function parseHolder(text: string): Holder | undefined {
  try {
    const holder = JSON.parse(text) as Holder;
    return Number.isSafeInteger(holder.pid) && holder.pid > 0 ? holder : undefined;
  } catch {
    return undefined;
  }
}
