import { readColumns } from "../../io/arrow/number-table.js";
import type { RowTexts } from "../../join/decisions.js";
import type { RunPlan } from "../plan.js";
import type { FinishedTasks } from "../stage.js";
import { FILES } from "../task-files.js";

/** The rows of a shard by their numbers over all shards, and their local groups. */
export interface ShardTexts {
  /** Number of the first row, and of the first row of the next shard. */
  readonly rows: readonly [first: number, end: number];
  /** Local group of a row; -1 where the first pass rejected it. */
  groupOf(row: number): number;
  /** Whether the text of a row equals, as received, that of the winner of its group. */
  equalsWinner(row: number): boolean;
  /** Whether it equals, as received, the text of the references that its group is known by. */
  equalsKnown(row: number): boolean;
}

/** Reads what the first pass found out of the texts of a shard: 4 bytes a row and 6 a distinct text. */
export async function readShardTexts(tasks: FinishedTasks, plan: RunPlan, shard: number): Promise<ShardTexts> {
  const read = await tasks.get("read", shard);
  const number = await tasks.get("number", 0);
  const [first, end] = number.facts.firstRows.slice(shard, shard + 2);
  const { raw: rawOfRow } = await readColumns<{ raw: Int32Array }>(read.path(FILES.read.rows));
  const entries = await readColumns<{ raw: Uint32Array; group: Uint32Array }>(
    read.path(FILES.read.entries),
    undefined,
    ["raw", "group"],
  );
  const groupOfRaw = new Uint32Array(read.facts.raws);
  for (const [i, raw] of entries.raw.entries()) groupOfRaw[raw] = entries.group[i];
  const wins = new Uint8Array(read.facts.raws);
  for (let bucket = 0; bucket < plan.buckets; bucket++) {
    const exact = await tasks.get("exact", bucket);
    const raws = await readColumns<{ raw: Uint32Array; wins: Uint8Array }>(exact.path(FILES.exact.raws), shard, [
      "raw",
      "wins",
    ]);
    for (const [i, raw] of raws.raw.entries()) wins[raw] = raws.wins[i];
  }
  const known =
    plan.flags.against === undefined
      ? undefined
      : (await readColumns<{ equals: Uint8Array }>(number.path(FILES.number.known), shard)).equals;
  return {
    rows: [first, end],
    groupOf(row) {
      const raw = rawOfRow[row - first];
      return raw < 0 ? -1 : groupOfRaw[raw];
    },
    equalsWinner: (row) => wins[rawOfRow[row - first]] === 1,
    equalsKnown: (row) => known?.[rawOfRow[row - first]] === 1,
  };
}

/**
 * What `decisionsOf` needs of the rows of a shard, by local groups.
 * @param fates `refusedRow` and `fate` by local group
 */
export function rowTexts(
  texts: ShardTexts,
  fates: { refusedRow(group: number): number; fate(group: number): string },
): RowTexts {
  const groupOf = (row: number) => {
    const group = texts.groupOf(row);
    return group >= 0 && fates.refusedRow(group) >= 0 ? -1 : group;
  };
  return {
    groupOf,
    equalsKept: (row) => (fates.fate(groupOf(row)) === "known" ? texts.equalsKnown(row) : texts.equalsWinner(row)),
  };
}

/** The numbers, over all shards, of the local groups of each shard. */
export async function shardGroups(tasks: FinishedTasks, shards: number): Promise<Uint32Array[]> {
  const number = await tasks.get("number", 0);
  const parts: Uint32Array[] = [];
  for (let shard = 0; shard < shards; shard++) {
    const { group } = await readColumns<{ group: Uint32Array }>(number.path(FILES.number.shards), shard);
    parts.push(group);
  }
  return parts;
}
