import { type Columns, readColumns } from "../../io/arrow/number-table.js";
import type { Fate, GroupFates } from "../../join/group-fates.js";
import type { FinishedTask } from "../stage.js";

/** File of the fates stage: a part for each shard, a row for each local group of the shard. */
export const FATES = "fates.arrow";

/** Fates by their numbers in the table. The rows of a group whose text the server refused are rejected. */
const FATE: readonly (Fate | "refused")[] = ["own", "known", "near", "refused"];

/** The fates of some groups as columns of numbers, see `GroupFates`. */
export interface FateColumns extends Columns {
  /** Number of the fate in `FATE`. */
  readonly fate: Uint8Array;
  /** Of a refused group its first row, by which the server's reason is found. */
  readonly kept_row: Uint32Array;
  readonly kept_in: Int32Array;
  readonly similarity: Float64Array;
  readonly vector: Int32Array;
  readonly size: Uint32Array;
  /** -1 for none, else a number that may need 32 bits without a sign. */
  readonly guarded_from: Float64Array;
  readonly guarded_in: Int32Array;
}

/** The fates of the local groups of a shard. */
export interface ShardFates extends GroupFates {
  /** The first row, over all shards, of a group whose text the server refused; -1 for any other group. */
  refusedRow(group: number): number;
}

/**
 * Puts the fates of some groups into columns.
 * @param groups their numbers, in the order of the rows
 * @param refused first row of each group whose text the server refused, by the number of the group
 */
export function fateColumns(groups: Uint32Array, fates: GroupFates, refused: ReadonlyMap<number, number>): FateColumns {
  const numbers = (of: (group: number) => number) => Array.from(groups, of);
  return {
    fate: Uint8Array.from(groups, (group) => FATE.indexOf(refused.has(group) ? "refused" : fates.fate(group))),
    kept_row: Uint32Array.from(groups, (group) => refused.get(group) ?? fates.keptRow(group)),
    kept_in: Int32Array.from(groups, fates.keptIn),
    similarity: Float64Array.from(groups, fates.similarity),
    vector: Int32Array.from(groups, fates.vector),
    size: Uint32Array.from(groups, fates.size),
    guarded_from: Float64Array.from(numbers(fates.guardedFrom)),
    guarded_in: Int32Array.from(groups, fates.guardedIn),
  };
}

/** Reads the fates of the local groups of a shard, 38 bytes a group. */
export async function readShardFates(fates: FinishedTask<"fates">, shard: number): Promise<ShardFates> {
  const columns = await readColumns<FateColumns>(fates.path(FATES), shard);
  const { fate, kept_row, kept_in, similarity, vector, size, guarded_from, guarded_in } = columns;
  const REFUSED = FATE.indexOf("refused");
  return {
    fate(group) {
      const found = FATE[fate[group]];
      if (found === "refused") throw new Error(`group ${group} of a shard was refused and has no fate`);
      return found;
    },
    keptRow: (group) => kept_row[group],
    keptIn: (group) => kept_in[group],
    similarity: (group) => similarity[group],
    vector: (group) => vector[group],
    size: (group) => size[group],
    guardedFrom: (group) => guarded_from[group],
    guardedIn: (group) => guarded_in[group],
    refusedRow: (group) => (fate[group] === REFUSED ? kept_row[group] : -1),
  };
}
