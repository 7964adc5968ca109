import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LockHeldError, signOfLife, takeFreeLock, takeLock } from "../../io/lock.js";
import { nameOfHolder, parseHolder, startOfProcess, thisSystem } from "../../io/lock-holder.js";
import { keyOf, type TaskName } from "./schedule.js";

/** Milliseconds without a sign of life after which a worker on another machine counts as dead. */
const PATIENCE = 30_000;

/** Milliseconds of a last look at a claim before it is taken over: signs of life come every second. */
const LAST_LOOK = 2500;

/** Claims that a waiting worker examines at a time: many workers that wait must not keep the file system busy. */
const AT_A_TIME = 8;

/** A task that this worker alone does, as long as it lives. */
export interface Claim {
  readonly task: TaskName;
  /** The worker that held the claim before and died, in words; absent where the task was free. */
  readonly from?: string;
  release(): Promise<void>;
}

/**
 * The claims of a run: a lock for each task that a worker does at this moment. A worker that dies leaves its claim, which
 * another worker takes over: at once where the process of the same system is gone, else after `patience` without a sign
 * of life. The times of the signs are compared only with one another, so the clocks of the machines may differ.
 */
export class Claims {
  readonly #folder: string;
  readonly #patience: number;
  /** The last sign of life of claims of other machines, and when this process saw it first. */
  readonly #seen = new Map<string, { readonly sign: string; readonly since: number }>();
  #next = 0;

  constructor(folder: string, patience = PATIENCE) {
    this.#folder = folder;
    this.#patience = patience;
  }

  /** Names of the tasks that are claimed, by living workers and dead ones. */
  async list(): Promise<ReadonlySet<string>> {
    const names = await readdir(this.#folder).catch(() => []);
    return new Set(names.filter((name) => /^[a-z]+-\d+$/.test(name)));
  }

  /** Claims a task that nobody has claimed; undefined where somebody has. */
  async take(task: TaskName): Promise<Claim | undefined> {
    const path = join(this.#folder, keyOf(task));
    const release = await takeFreeLock(path).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      await mkdir(this.#folder, { recursive: true });
      return takeFreeLock(path);
    });
    return release && { task, release };
  }

  /** Takes over the claim of one of these tasks whose worker is dead; undefined where all of them may live. */
  async takeOver(tasks: readonly TaskName[]): Promise<Claim | undefined> {
    const first = this.#next;
    this.#next += AT_A_TIME;
    for (let i = 0; i < Math.min(AT_A_TIME, tasks.length); i++) {
      const claim = await this.#takeOver(tasks[(first + i) % tasks.length]);
      if (claim !== undefined) return claim;
    }
    return undefined;
  }

  async #takeOver(task: TaskName): Promise<Claim | undefined> {
    const path = join(this.#folder, keyOf(task));
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === undefined) return undefined;
    const holder = parseHolder(text);
    if (holder?.system !== thisSystem() && !(await this.#isSilent(path, text))) return undefined;
    try {
      const release = await takeLock(path, { patience: LAST_LOOK });
      return { task, release, from: holder === undefined ? "a worker" : nameOfHolder(holder) };
    } catch (error) {
      if (error instanceof LockHeldError) return undefined;
      throw error;
    }
  }

  /** Whether this process has seen no sign of life of a claim for as long as its patience. */
  async #isSilent(path: string, text: string): Promise<boolean> {
    const sign = `${await signOfLife(path)} ${text}`;
    const seen = this.#seen.get(path);
    if (seen?.sign !== sign) {
      this.#seen.set(path, { sign, since: performance.now() });
      return false;
    }
    return performance.now() - seen.since >= this.#patience;
  }
}

/**
 * The claims whose workers live, with the systems of the workers. Those of other machines are watched for so many
 * milliseconds, in which a living worker gives a sign of life.
 */
export async function livingClaims(folder: string, watch: number): Promise<ReadonlyMap<string, string>> {
  const living = new Map<string, string>();
  const elsewhere: { key: string; system: string; sign: number | undefined }[] = [];
  for (const key of await new Claims(folder).list()) {
    const holder = parseHolder(await readFile(join(folder, key), "utf8").catch(() => ""));
    if (holder === undefined) continue;
    const { pid, started, system } = holder;
    if (system !== thisSystem()) elsewhere.push({ key, system, sign: await signOfLife(join(folder, key)) });
    else if (startOfProcess(pid) === started) living.set(key, system);
  }
  if (elsewhere.length > 0) await sleep(watch);
  for (const { key, system, sign } of elsewhere) {
    const now = await signOfLife(join(folder, key));
    if (now !== undefined && now !== sign) living.set(key, system);
  }
  return living;
}
