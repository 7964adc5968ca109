import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { FailedRunError, UsageError } from "../../errors.js";
import { isHeld, takeLock } from "../../io/lock.js";
import { VERSION } from "../../run/work/manifest.js";
import { sentError } from "../../workers/messages.js";
import {
  type Ask,
  getColumns,
  getJson,
  LEADER,
  type Leader,
  listNames,
  nameOf,
  pauseBetweenLooks,
  putColumns,
  putJson,
} from "./exchange.js";
import { type HeldShard, holdShard } from "./held-shard.js";

/** Milliseconds that a worker waits for a leader: one that it does not see yet, or the next one where one has died. */
const LEADER_WITHIN = 60_000;

/** Milliseconds without a question after which a worker looks whether the leader still lives, and looks again. */
const LOOK_AFTER_LEADER = 5000;

/** A worker of k-means, in the words of the folder. */
export interface ServeOptions {
  /** The folder of the exchange. */
  readonly folder: string;
  /** Lock of the leader. */
  readonly leaderLock: string;
  readonly threads: number;
  /** Bytes of this process. */
  readonly memory: number;
  readonly signal?: AbortSignal;
  /** Milliseconds to wait for a leader (60,000). */
  readonly leaderWithin?: number;
}

/**
 * Answers questions about shards until the leader is done: then the folder or `leader.json` is gone, and the function
 * returns. A worker that stood still for so long that it counts as dead begins anew, under another name.
 * @throws FailedRunError where no leader lives, whose command has to be given again; UsageError where the leader is of
 * another version
 */
export async function serveShards(options: ServeOptions): Promise<void> {
  const { folder, signal, leaderWithin = LEADER_WITHIN } = options;
  for (const since = performance.now(); !(await listNames(folder)).includes(LEADER); await pauseBetweenLooks(since)) {
    signal?.throwIfAborted();
    if (performance.now() - since < leaderWithin) continue;
    throw new FailedRunError(`nobody leads a k-means in ${folder}; start bge-cluster with --executor first`);
  }
  const leader = await getJson<Leader>(folder, LEADER);
  if (leader !== undefined && leader.version !== VERSION) {
    throw new UsageError(
      `this is version ${VERSION}, the run in ${folder} is led by version ${leader.version}; install the same one everywhere`,
    );
  }
  while (await serveAs(randomUUID().slice(0, 8), options)) signal?.throwIfAborted();
}

/** Works under one name. Returns whether the name is lost but the run goes on. */
async function serveAs(id: string, options: ServeOptions): Promise<boolean> {
  const { folder, signal } = options;
  const held = new Map<string, HeldShard>();
  const release = await takeLock(join(folder, nameOf.worker(id))).catch(async (error) => {
    if (!(await listNames(folder)).includes(LEADER)) return undefined;
    throw error;
  });
  if (release === undefined) return false;
  const requireLeader = leaderWatch(options);
  try {
    for (let since = performance.now(); ; ) {
      signal?.throwIfAborted();
      const names = await listNames(folder);
      if (!names.includes(LEADER)) return false;
      if (!names.includes(nameOf.worker(id))) return true;
      await dropShards(held, (shard) => names.includes(nameOf.rows(shard)));
      const asked = names.filter((name) => name.startsWith("ask.") && name.endsWith(`.${id}.json`)).sort();
      if (asked.length > 0 && (await answer(asked[0], { ...options, id, held }))) since = performance.now();
      else {
        requireLeader(since);
        await pauseBetweenLooks(since);
      }
    }
  } finally {
    await dropShards(held, () => false);
    await release();
  }
}

/** Answers the question in a file, or says why not, and removes the file. Returns whether the file was there. */
async function answer(
  name: string,
  options: ServeOptions & { readonly id: string; readonly held: Map<string, HeldShard> },
): Promise<boolean> {
  const { folder, id, held, signal } = options;
  const ask = await getJson<Ask>(folder, name);
  // The leader has taken the question back.
  if (ask === undefined) return false;
  const [, shard, number] = name.split(".");
  try {
    await dropShards(held, (kept) => kept === shard || ask.keep.includes(kept));
    let holding = held.get(shard);
    if (holding === undefined) {
      const rows = await getColumns<{ position: Uint32Array; weight: Uint32Array }>(folder, nameOf.rows(shard));
      holding = await holdShard({ ...options, ask, rows });
      held.set(shard, holding);
    }
    await putColumns(folder, nameOf.answer(shard, Number(number)), await holding.answer(ask));
  } catch (error) {
    await dropShards(held, (kept) => kept !== shard);
    signal?.throwIfAborted();
    if (!(await listNames(folder)).includes(LEADER)) return false;
    // The question goes first: the leader may put it again as soon as it sees the error.
    await rm(join(folder, name), { force: true });
    await putJson(folder, nameOf.error(shard, Number(number), id), sentError(error as Error));
    return true;
  }
  await rm(join(folder, name), { force: true });
  return true;
}

/** Lets go of the shards that are not kept. */
async function dropShards(held: Map<string, HeldShard>, isKept: (shard: string) => boolean): Promise<void> {
  for (const [shard, { close }] of held) {
    if (isKept(shard)) continue;
    held.delete(shard);
    await close();
  }
}

/**
 * Makes the function that looks after the leader while there is nothing to do, beside the worker's own looks.
 * @returns a function of the time since which there was nothing to do
 * @throws from the made function: FailedRunError once no leader has lived for `leaderWithin`
 */
function leaderWatch({ folder, leaderLock, leaderWithin = LEADER_WITHIN }: ServeOptions) {
  const every = Math.min(LOOK_AFTER_LEADER, leaderWithin / 4);
  let looked = 0;
  let seen = 0;
  let looking = false;

  /** Takes up to ten seconds where the leader runs on another machine. */
  async function look(): Promise<void> {
    looking = true;
    if (await isHeld(leaderLock)) seen = performance.now();
    looked = performance.now();
    looking = false;
  }

  return (idleSince: number): void => {
    const now = performance.now();
    seen = Math.max(seen, idleSince);
    if (!looking && now - Math.max(looked, idleSince) > every) void look();
    if (now - seen < leaderWithin) return;
    throw new FailedRunError(
      `the bge-cluster that leads the k-means in ${folder} has ended without a result; give its command again, which goes on from there`,
    );
  };
}
