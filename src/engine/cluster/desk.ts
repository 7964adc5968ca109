import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FailedRunError } from "../../errors.js";
import type { Columns } from "../../io/arrow/number-table.js";
import { isHeld } from "../../io/lock.js";
import { receivedError, type SentError } from "../../workers/messages.js";
import { createDeal } from "./deal.js";
import {
  type Ask,
  getColumns,
  getJson,
  listNames,
  nameOf,
  pauseBetweenLooks,
  putColumns,
  putJson,
} from "./exchange.js";

/** Milliseconds without an answer after which the leader looks whether the worker still lives, and looks again. */
const LOOK_AFTER_WORKER = 1000;

/**
 * A worker counts as slow where its answer takes this many times as long as the slowest of the others, and so many
 * milliseconds more: what another one then has to read anew is paid for.
 */
const [SLOW_TIMES, SLOW_AFTER] = [3, 10_000];

/** Failures of a question, in ways that may pass, after which the run fails. */
const MOST_FAILURES = 3;

/** The leader's side of an exchange. */
export interface Desk {
  /** Publishes the rows of a shard, which is dealt to a worker with its first question. */
  addShard(shard: string, rows: Columns): Promise<void>;
  /** Takes a shard back; a question about it fails. */
  removeShard(shard: string): Promise<void>;
  /** Publishes centroids; the file of the last but one goes. Returns the name of the file. */
  putCentroids(centroids: Columns): Promise<string>;
  /**
   * Asks about a shard, one question at a time. Whatever becomes of workers meanwhile, somebody answers.
   * @throws the error of the worker, by its kind; what may pass is tried again by others
   */
  ask(shard: string, question: Omit<Ask, "keep">): Promise<Columns>;
  /** Ids of all workers that have ever been there. */
  readonly workers: ReadonlySet<string>;
  /** Fails the open questions. */
  close(reason: Error): void;
}

/** A question that waits for its answer. */
interface Pending {
  readonly shard: string;
  readonly number: number;
  readonly question: Omit<Ask, "keep">;
  /** Whom it was put to, and when by `performance.now()`. */
  worker?: string;
  since: number;
  failures: number;
  resolve(answer: Columns): void;
  reject(error: Error): void;
}

/** Opens the leader's side of an exchange, whose folder exists. */
export function openDesk(options: {
  readonly folder: string;
  /** Tells the user that a worker is lost or slow. */
  readonly note: (message: string) => void;
  /** Called with each look in which no worker is there, with the milliseconds for which none has been there. */
  readonly onNobody: (milliseconds: number) => void;
  /** Milliseconds beyond the others after which a worker counts as slow (10,000). */
  readonly slowAfter?: number;
}): Desk {
  const { folder, note, onNobody, slowAfter = SLOW_AFTER } = options;
  const deal = createDeal();
  const workers = new Set<string>();
  const pending = new Map<string, Pending>();
  const lookedAfter = new Map<string, number>();
  /** Milliseconds of the answers since no question was open: the shards are asked the same, and then all wait for all. */
  let durations: number[] = [];
  /** When the last question was put or answered, by `performance.now()`. */
  let lastEvent = 0;
  let asked = 0;
  let passes = 0;
  let watching = false;
  let lastSeen = performance.now();

  const remove = (name: string) => rm(join(folder, name), { force: true });

  /** Puts a question to the worker that holds the shard. */
  async function put(entry: Pending, worker: string): Promise<void> {
    const before = entry.worker;
    Object.assign(entry, { worker, since: performance.now() });
    if (before !== undefined && before !== worker) await remove(nameOf.ask(entry.shard, entry.number, before));
    const ask: Ask = { ...entry.question, keep: deal.shardsOf(worker) };
    await putJson(folder, nameOf.ask(entry.shard, entry.number, worker), ask);
  }

  /** Takes an answer, and removes it with its question. */
  async function take(entry: Pending): Promise<void> {
    const { shard, number, worker = "" } = entry;
    pending.delete(shard);
    lastEvent = performance.now();
    durations.push(performance.now() - entry.since);
    try {
      entry.resolve(await getColumns(folder, nameOf.answer(shard, number)));
    } catch (error) {
      entry.reject(error as Error);
    }
    await remove(nameOf.answer(shard, number));
    await remove(nameOf.ask(shard, number, worker));
  }

  /** Takes a failure: one that a repetition does not cure fails the run, another one only after some attempts. */
  async function takeError(entry: Pending, name: string): Promise<void> {
    const sent = await getJson<SentError>(folder, name);
    await remove(name);
    if (sent === undefined || pending.get(entry.shard) !== entry) return;
    const error = receivedError(sent) as Error & { readonly exitCode?: number };
    const lasting = (error.exitCode ?? 1) > 1;
    if (lasting || ++entry.failures === MOST_FAILURES) {
      pending.delete(entry.shard);
      entry.reject(error);
    } else {
      note(`a worker of k-means has failed and another attempt is made: ${error.message}`);
      if (entry.worker !== undefined) deal.avoid(entry.worker);
      entry.worker = undefined;
    }
  }

  /** Buries a worker that has not answered for a while and shows no sign of life. */
  async function lookAfter(worker: string): Promise<void> {
    const now = performance.now();
    if (now - (lookedAfter.get(worker) ?? Number.NEGATIVE_INFINITY) < LOOK_AFTER_WORKER) return;
    // A look at a worker on another machine may take ten seconds; there is one at a time.
    lookedAfter.set(worker, Number.POSITIVE_INFINITY);
    const path = join(folder, nameOf.worker(worker));
    if (!(await isHeld(path)) && (await listNames(folder)).includes(nameOf.worker(worker))) {
      note(`a worker of k-means is lost (${worker}); its rows go to the others`);
      await rm(path, { force: true });
    }
    lookedAfter.set(worker, performance.now());
  }

  /** Looks at the folder once: takes answers, deals shards and puts questions that nobody has. */
  async function look(): Promise<void> {
    const names = await listNames(folder);
    const there = new Set(names);
    const alive = names.flatMap((name) => /^worker\.([\w-]+)$/.exec(name)?.[1] ?? []);
    for (const worker of alive) workers.add(worker);
    const open = [...pending.values()];
    await Promise.all(open.filter(({ shard, number }) => there.has(nameOf.answer(shard, number))).map(take));
    for (const entry of pending.values()) {
      const errors = names.filter((name) => name.startsWith(`error.${entry.shard}.${entry.number}.`));
      for (const name of errors) await takeError(entry, name);
    }
    const now = performance.now();
    if (alive.length > 0) lastSeen = now;
    else onNobody(now - lastSeen);
    const slowest = Math.max(...durations) * SLOW_TIMES + slowAfter;
    for (const { shard, worker, since } of pending.values()) {
      if (worker === undefined) continue;
      if (now - since > LOOK_AFTER_WORKER) void lookAfter(worker).catch(() => {});
      const isSlow = durations.length >= pending.size && now - since > slowest && alive.length > 1;
      if (isSlow && deal.holder(shard) === worker) {
        deal.avoid(worker);
        note(`a worker of k-means is much slower than the others (${worker}); its rows go to them`);
      }
    }
    deal.update(alive, (shard) => pending.has(shard));
    for (const entry of pending.values()) {
      const holder = deal.holder(entry.shard);
      if (holder !== undefined && holder !== entry.worker) await put(entry, holder);
    }
  }

  /** Looks at the folder as long as a question is open. */
  async function watch(): Promise<void> {
    if (watching) return;
    watching = true;
    lastSeen = performance.now();
    try {
      while (pending.size > 0) {
        await look();
        if (pending.size > 0) await pauseBetweenLooks(lastEvent);
      }
    } catch (error) {
      close(error as Error);
    } finally {
      watching = false;
    }
  }

  function close(reason: Error): void {
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
  }

  return {
    workers,
    async addShard(shard, rows) {
      await putColumns(folder, nameOf.rows(shard), rows);
      deal.add(shard);
    },
    async removeShard(shard) {
      pending.get(shard)?.reject(new FailedRunError("the shard was closed"));
      pending.delete(shard);
      deal.remove(shard);
      await remove(nameOf.rows(shard));
    },
    async putCentroids(centroids) {
      const number = ++passes;
      await putColumns(folder, nameOf.centroids(number), centroids);
      await remove(nameOf.centroids(number - 2));
      return nameOf.centroids(number);
    },
    ask(shard, question) {
      return new Promise((resolve, reject) => {
        const since = performance.now();
        lastEvent = since;
        if (pending.size === 0) durations = [];
        pending.set(shard, { shard, number: ++asked, question, since, failures: 0, resolve, reject });
        void watch();
      });
    },
    close,
  };
}
