import { randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { BrakeError, FailedRunError, InputError, UnavailableError, UsageError } from "../../errors.js";
import { writeDurably } from "../../io/durable.js";
import { keyOf, type TaskName } from "./schedule.js";

/** Folder of the failed attempts, in the work area of a run. */
export const FAILURES = "failures";

/** Attempts at a task that fail before the run does, and workers that die of it: a node may be lost for other reasons. */
const MOST_FAILED = 3;
const MOST_DIED = 5;

/** An attempt at a task that failed. */
export interface TaskFailure extends TaskName {
  /** The stage failed, the worker died, or the output of the finished task was lost afterwards. */
  readonly kind: "failed" | "died" | "lost";
  readonly message: string;
  /** Exit code that a command would end with: 1 for what a rerun may cure. */
  readonly exitCode: number;
  readonly host: string;
  /** Time in ISO 8601 by the clock of the host. */
  readonly time: string;
  /** Of a brake: what it had counted. */
  readonly counted?: BrakeError["counted"];
}

/** The failed attempts of a run, in files of a folder that all workers share. */
export class Failures {
  readonly #folder: string;
  readonly #read = new Map<string, TaskFailure>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Tells all workers of an attempt that failed on this machine. */
  async add(task: TaskName, failure: Pick<TaskFailure, "kind" | "message" | "exitCode" | "counted">): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    const { stage, index } = task;
    const whole: TaskFailure = { stage, index, ...failure, host: hostname(), time: new Date().toISOString() };
    await writeDurably(join(this.#folder, `${keyOf(task)}-${randomUUID()}`), JSON.stringify(whole));
  }

  /** All failed attempts so far, oldest first as far as the clocks agree. */
  async all(): Promise<readonly TaskFailure[]> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names.filter((other) => !other.endsWith(".new") && !this.#read.has(other))) {
      const text = await readFile(join(this.#folder, name), "utf8").catch(() => undefined);
      // The name may be visible before the content is.
      if (text !== undefined && text !== "") this.#read.set(name, JSON.parse(text) as TaskFailure);
    }
    return [...this.#read.values()].sort((a, b) => (a.time < b.time ? -1 : 1));
  }

  /** Forgets all failures, so that every task may be tried anew. */
  async clear(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    this.#read.clear();
  }
}

/**
 * The error that ends the run for all its workers, if the failures of tasks that are not done give cause: one of a kind
 * that no rerun cures, a task that failed three times, or one of which five workers died.
 */
export function endingError(
  failures: readonly TaskFailure[],
  isDone: (task: TaskName) => boolean,
): (Error & { readonly exitCode: number }) | undefined {
  const open = failures.filter((failure) => !isDone(failure));
  const final = open.find(({ exitCode }) => exitCode !== 1);
  if (final !== undefined) return errorOf(final);
  for (const { stage, index } of open) {
    const own = open.filter((other) => other.stage === stage && other.index === index);
    const failed = own.filter(({ kind }) => kind !== "died");
    const died = own.filter(({ kind }) => kind === "died");
    const most = failed.length >= MOST_FAILED ? failed : died.length >= MOST_DIED ? died : undefined;
    const last = most?.at(-1);
    if (most === undefined || last === undefined) continue;
    return new FailedRunError(
      `task ${index} of ${stage} failed ${most.length} times, at last on ${last.host}: ${last.message}; everything else is saved: run the same command again to go on`,
    );
  }
  return undefined;
}

/** The error of a failure, as the command would have met it on one machine. */
function errorOf({ exitCode, message, counted }: TaskFailure): Error & { readonly exitCode: number } {
  switch (exitCode) {
    case 2:
      return new UsageError(message);
    case 3:
      return new InputError(message);
    case 4:
      return new BrakeError(message, counted);
    case 5:
      return new UnavailableError(message);
    default:
      return new FailedRunError(message);
  }
}
