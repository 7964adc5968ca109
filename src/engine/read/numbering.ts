import { readColumns, readParts } from "../../io/arrow/number-table.js";
import type { DedupOptions } from "../../run/options.js";
import { isGuarded } from "../../text/guard-choice.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";
import type { BucketGroups } from "./bucket.js";

/** The numbers of all groups, by first appearance. */
export interface GroupNumbers {
  readonly groups: number;
  /** Number of the first group that begins in each shard, followed by the number of all. */
  readonly firstGroups: readonly number[];
  /** Number of each group of each shard. */
  readonly ofShard: readonly Uint32Array[];
}

/**
 * Numbers the groups: those of the first shard in their order, then those that begin in the second, and so on. Memory: 8
 * bytes for each group of each shard, of which 4 stay.
 */
export async function numberGroups(
  shards: readonly FinishedTask<"read">[],
  buckets: readonly FinishedTask<"exact">[],
): Promise<GroupNumbers> {
  const ownerShard = shards.map(({ facts }) => new Uint32Array(facts.groups));
  /** Number in the owner at first, then the number among all. */
  const ofShard = shards.map(({ facts }) => new Uint32Array(facts.groups));
  for (const bucket of buckets) {
    let shard = 0;
    for await (const { group, owner_shard, owner_group } of readParts<BucketGroups>(bucket.path(FILES.exact.groups))) {
      for (let i = 0; i < group.length; i++) {
        ownerShard[shard][group[i]] = owner_shard[i];
        ofShard[shard][group[i]] = owner_group[i];
      }
      shard++;
    }
  }
  const firstGroups = [0];
  let next = 0;
  for (const [shard, numbers] of ofShard.entries()) {
    for (let group = 0; group < numbers.length; group++) {
      const owner = ownerShard[shard][group];
      numbers[group] = owner === shard ? next++ : ofShard[owner][numbers[group]];
    }
    firstGroups.push(next);
  }
  return { groups: next, firstGroups, ofShard };
}

/** The groups of a run and the tasks that found their texts. */
export interface NumberedTexts {
  readonly shards: readonly FinishedTask<"read">[];
  readonly buckets: readonly FinishedTask<"exact">[];
  readonly numbers: GroupNumbers;
}

/** The columns of groups.arrow that the shards know, a row for each group. */
export interface GroupColumns {
  readonly winner: Uint32Array;
  readonly size: Uint32Array;
  readonly first: Uint32Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  /** Where a guard is active. */
  readonly signature?: BigUint64Array;
}

/** Puts what the shards know of the groups into the order of their numbers. The caller owns the columns. */
export async function groupColumns(
  { guards }: Pick<DedupOptions, "guards">,
  { shards, buckets, numbers }: NumberedTexts,
): Promise<GroupColumns> {
  const { groups, firstGroups, ofShard } = numbers;
  const [winner, size, first] = [0, 1, 2].map(() => new Uint32Array(groups));
  const [high, low] = [0, 1].map(() => new Float64Array(groups));
  for (const bucket of buckets) {
    let shard = 0;
    for await (const part of readParts<BucketGroups>(bucket.path(FILES.exact.groups))) {
      for (let i = 0; i < part.group.length; i++) {
        if (part.owner_shard[i] !== shard) continue;
        const number = ofShard[shard][part.group[i]];
        winner[number] = part.winner[i];
        size[number] = part.size[i];
        first[number] = part.first[i];
        high[number] = part.high[i];
        low[number] = part.low[i];
      }
      shard++;
    }
  }
  const columns = { winner, size, first, high, low };
  if (!isGuarded(guards)) return columns;
  const signature = new BigUint64Array(groups);
  for (const [shard, read] of shards.entries()) {
    const found = await readColumns<{ signature: BigUint64Array }>(read.path(FILES.read.guards));
    for (const [group, number] of ofShard[shard].entries()) {
      if (number >= firstGroups[shard]) signature[number] = found.signature[group];
    }
  }
  return { ...columns, signature };
}
