import type { RecordBatch, Vector } from "apache-arrow";
import type { ArrowTable } from "../../io/arrow/table.js";
import type { Reason } from "../../join/decisions.js";
import { Lowest } from "../../lowest.js";
import { KEPT_IN } from "../write/output-columns.js";
import { numbersOf } from "./result-table.js";

/** A kept row: its number, and the folder that holds it where it is a reference's, as `_kept_in` names it. */
export interface KeeperName {
  readonly row: number;
  readonly in?: string;
}

/** Identifies a kept row of a reference. */
export function keeperKey(row: number, keptIn: string): string {
  return `${row} ${keptIn}`;
}

/** The removed rows of a group, summed up. */
export interface GroupMembers {
  readonly exact: number;
  readonly normalized: number;
  readonly semantic: number;
  /** Least and mean `_similarity` of the removed rows; 1 where there is none. */
  readonly least: number;
  readonly mean: number;
  /** Places in removed.arrow of the rows to show. */
  readonly places: readonly number[];
  /** Removed rows that have the vector asked for, and the places of the first of them. */
  readonly copies: number;
  readonly copyPlaces: readonly number[];
}

/** Which removed rows of a group are shown: the first ones, or of each text the first, least similar texts first. */
export type ShownRows = "first" | "least similar";

/** A removed row by its place in removed.arrow and its vector. */
interface ShownRow {
  readonly at: number;
  readonly vector: number;
  readonly similarity: number;
}

interface Tally {
  readonly counts: Record<Reason, number>;
  least: number;
  sum: number;
  copies: number;
  readonly copyPlaces: number[];
  readonly shown: Lowest<ShownRow>;
}

/**
 * Sums up the removed rows of some groups in one scan over removed.arrow, which reads 21 bytes a row.
 * @param options.keepers kept rows of the groups
 * @param options.references whether the table has the column `_kept_in`
 * @param options.limit rows of each group to show
 * @param options.vector vector whose rows are counted as copies; none if absent
 * @returns an entry for each kept row, in their order
 */
export async function readGroupMembers(options: {
  readonly removed: ArrowTable;
  readonly keepers: readonly KeeperName[];
  readonly references: boolean;
  readonly shown: ShownRows;
  readonly limit: number;
  readonly vector?: number;
}): Promise<GroupMembers[]> {
  const { removed, keepers: asked, references, shown, limit, vector } = options;
  const tallies = asked.map(() => newTally(limit));
  const own = new Map<number, Tally>();
  const others = new Map<string, Tally>();
  for (const [i, { row, in: keptIn }] of asked.entries()) {
    if (keptIn === undefined) own.set(row, tallies[i]);
    else others.set(keeperKey(row, keptIn), tallies[i]);
  }
  const columns = ["_kept_row", "_similarity", "_reason", "_vector"];
  for await (const { first, batch } of removed.scan(references ? [...columns, KEPT_IN] : columns)) {
    const keepers = numbersOf(batch, "_kept_row", removed.path);
    const keptIn = references ? batch.getChild(KEPT_IN) : null;
    const vectors = numbersOf(batch, "_vector", removed.path);
    const similarities = numbersOf(batch, "_similarity", removed.path);
    const reasonAt = reasonReader(batch);
    for (let i = 0; i < keepers.length; i++) {
      const place = (keptIn?.get(i) ?? undefined) as string | undefined;
      const tally = place === undefined ? own.get(keepers[i]) : others.get(keeperKey(keepers[i], place));
      if (tally === undefined) continue;
      const similarity = similarities[i];
      tally.counts[reasonAt(i)]++;
      tally.least = Math.min(tally.least, similarity);
      tally.sum += similarity;
      const row = { at: first + i, vector: vectors[i], similarity };
      if (shown === "first") tally.shown.add(row.at, row);
      else showText(tally.shown, row);
      if (vectors[i] === vector && tally.copies++ < limit) tally.copyPlaces.push(first + i);
    }
  }
  return tallies.map(({ counts, least, sum, shown, copies, copyPlaces }) => {
    const rows = counts.exact + counts.normalized + counts.semantic;
    const mean = rows === 0 ? 1 : sum / rows;
    return { ...counts, least, mean, places: shown.entries.map(({ at }) => at), copies, copyPlaces };
  });
}

function newTally(limit: number): Tally {
  const counts = { exact: 0, normalized: 0, semantic: 0 };
  return { counts, least: 1, sum: 0, copies: 0, copyPlaces: [], shown: new Lowest(limit) };
}

/** Reads the reasons of a batch by the indices of their dictionary, since a large group has many of them. */
function reasonReader(batch: RecordBatch): (row: number) => Reason {
  const column = batch.getChild("_reason") as Vector;
  const { values, dictionary } = column.data[0];
  // Another tool may have written the table again with plain strings.
  if (dictionary === undefined) return (row) => column.get(row) as Reason;
  const reasons = [...dictionary] as Reason[];
  return (row) => reasons[values[row]];
}

/** Takes a row among the least similar ones, unless a row of the same text is there. */
function showText(shown: Lowest<ShownRow>, row: ShownRow): void {
  if (row.similarity >= shown.bound || shown.entries.some((other) => haveOneText(other, row))) return;
  shown.add(row.similarity, row);
}

/** Equal texts share a vector; texts that a reference has are without one, but equal ones are equally similar. */
function haveOneText(a: ShownRow, b: ShownRow): boolean {
  return a.vector === b.vector && (a.vector >= 0 || a.similarity === b.similarity);
}
