import { randomUUID } from "node:crypto";
import { type FileHandle, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Columns, readColumns, writeColumnsTo } from "../../io/arrow/number-table.js";

/**
 * The folder OUT/.work/kmeans, through which the leader of a k-means and its workers talk. All files lie side by side, so
 * that one listing shows everything that is new; a listing is also what makes a network file system look again, while
 * the name of a file that was missing a moment ago may stay missing for half a minute. Each file is written aside and
 * renamed, so whoever sees it sees all of it.
 *
 *     leader.json                     a leader leads: workers that do not see it have nothing to do
 *     worker.ID                       lock of a worker, whose modification time shows that it lives
 *     rows.SHARD.arrow                positions and weights of the rows of a shard
 *     centroids.NUMBER.arrow          the centroids of a pass, for all shards
 *     ask.SHARD.NUMBER.ID.json        what a worker is asked about a shard; removed by the worker once it has answered
 *     answer.SHARD.NUMBER.arrow       the answer; any worker's, since all answers to a question are the same bits
 *     error.SHARD.NUMBER.ID.json      why a worker has none
 *     saved.*                         how far the centroids have come (saved-starts.ts)
 */
export const LEADER = "leader.json";

/** A question about a shard. It names everything that the answer depends on, so any worker can answer it at any time. */
export interface Ask {
  /** Absolute path of the vectors, and their number and size as the leader sees them. */
  readonly store: string;
  readonly vectors: number;
  readonly dim: number;
  readonly k: number;
  /** Summed weight of the rows of all shards. */
  readonly totalWeight: number;
  /** File of the centroids of the last pass, and whether it measures distances. */
  readonly centroids: string;
  readonly measured: boolean;
  /** Rows of the shard that were moved since, in order, with their clusters. */
  readonly moves: readonly (readonly [row: number, to: number])[];
  readonly want: "totals" | "distances" | "assignment";
  /** Shards that this worker is to keep in memory; it lets go of all others. */
  readonly keep: readonly string[];
}

/** Leader of an exchange, as `leader.json` names it. */
export interface Leader {
  /** Version of its program. */
  readonly version: string;
}

/** Names of the files of an exchange. */
export const nameOf = {
  worker: (id: string) => `worker.${id}`,
  rows: (shard: string) => `rows.${shard}.arrow`,
  centroids: (number: number) => `centroids.${number}.arrow`,
  ask: (shard: string, number: number, worker: string) => `ask.${shard}.${number}.${worker}.json`,
  answer: (shard: string, number: number) => `answer.${shard}.${number}.arrow`,
  error: (shard: string, number: number, worker: string) => `error.${shard}.${number}.${worker}.json`,
} as const;

/** Names of all files in the folder; none where there is no folder. */
export async function listNames(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Writes a small file so that it appears whole. */
export async function putJson(folder: string, name: string, value: unknown): Promise<void> {
  await putFile(folder, name, (file) => file.writeFile(JSON.stringify(value)));
}

/** Writes columns of numbers so that the file appears whole. */
export async function putColumns(folder: string, name: string, columns: Columns): Promise<void> {
  await putFile(folder, name, (file) => writeColumnsTo(file, columns));
}

/**
 * Writes a file under a name of its own, which is then renamed. The file is not made durable: after a power failure
 * there is no leader, and the next one asks anew.
 */
async function putFile(folder: string, name: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  const aside = join(folder, `new.${randomUUID()}`);
  const file = await open(aside, "wx");
  try {
    await write(file).finally(() => file.close());
    await rename(aside, join(folder, name));
  } catch (error) {
    await rm(aside, { force: true });
    throw error;
  }
}

/** A file in JSON; undefined where there is none. */
export async function getJson<Value>(folder: string, name: string): Promise<Value | undefined> {
  const text = await readFile(join(folder, name), "utf8").catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as Value);
}

/** Attempts to read a file that a listing has shown. */
const ATTEMPTS = 6;

/**
 * Reads columns from a file that a listing has shown. A network file system may show the name before the contents, so a
 * failure is tried again, for some three seconds.
 * @throws InputError
 */
export async function getColumns<Kinds extends Columns>(folder: string, name: string): Promise<Kinds> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await readColumns<Kinds>(join(folder, name));
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await sleep(50 * 2 ** attempt);
    }
  }
}

/** Milliseconds between two looks: at first, and at most. */
const [SHORTEST, LONGEST] = [1, 200];

/**
 * Waits before the next look at the folder: a tenth of the time that the wait has taken so far, so that a quick answer is
 * seen at once and a slow one costs few looks.
 * @param since `performance.now()` when the wait began
 */
export async function pauseBetweenLooks(since: number): Promise<void> {
  const waited = performance.now() - since;
  await sleep(Math.min(LONGEST, Math.max(SHORTEST, waited / 10)));
}
