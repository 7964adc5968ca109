import type { Reason } from "../join/decisions.js";
import { Lowest } from "../lowest.js";
import type { GuardDifference } from "../text/guards.js";
import { differences, named } from "./explain-row.js";
import type { NamedRow } from "./explanation.js";
import type { GroupOrder } from "./flags/groups.js";
import { type GroupMembers, readGroupMembers } from "./read/group-members.js";
import { openResultRows, type ResultRows } from "./read/result-rows.js";
import { numbersOf } from "./read/result-table.js";

/** Removed rows of each group that are shown. */
const SHOWN = 3;

/** A kept row and the rows that go on its account. */
export interface DuplicateGroup {
  readonly kept: NamedRow;
  /** All rows of the group, the kept one among them. */
  readonly size: number;
  readonly exact: number;
  readonly normalized: number;
  readonly semantic: number;
  /** Least and mean `_similarity` of the removed rows. */
  readonly least: number;
  readonly mean: number;
  /** The first row of each of a few removed texts, the least similar text first. */
  readonly removed: readonly (NamedRow & {
    readonly reason: Reason;
    readonly similarity: number;
    readonly differs: readonly GuardDifference[];
  })[];
}

/** The answer of `groups`. */
export interface GroupsReport {
  readonly command: "groups";
  readonly folder: string;
  readonly threshold: number;
  readonly sort: GroupOrder;
  readonly id_field?: string;
  /** Groups of more than one row in the folder, and the rows removed in all of them. */
  readonly groups: number;
  readonly removed: number;
  readonly top: readonly DuplicateGroup[];
}

/**
 * Lists the largest or the most doubtful groups of a folder that bge-dedup wrote. Nothing is locked and nothing
 * written. Sorting by similarity holds 4 bytes for each row of the run.
 * @param options.top number of groups wanted
 * @throws InputError as `openResultRows` does; FailedRunError where the folder was written anew meanwhile
 */
export async function listGroups(options: {
  readonly folder: string;
  readonly top: number;
  readonly sort: GroupOrder;
  readonly idField?: string;
}): Promise<GroupsReport> {
  const { folder, top, sort, idField } = options;
  const rows = await openResultRows({ folder, idField, needs: "groups" });
  try {
    const { groups, best } = await (sort === "size" ? largest(rows, top) : leastSimilar(rows, top));
    const members = await readGroupMembers({
      removed: rows.removed,
      keptRows: best,
      shown: "least similar",
      limit: SHOWN,
    });
    const listed: DuplicateGroup[] = [];
    for (const [row, found] of members) listed.push(await describeGroup(rows, row, found));
    await rows.requireUnchanged();
    const { threshold } = rows.manifest;
    const removed = rows.removed.rows;
    return { command: "groups", folder, threshold, sort, id_field: rows.idField, groups, removed, top: listed };
  } finally {
    await rows.close();
  }
}

async function describeGroup(rows: ResultRows, row: number, members: GroupMembers): Promise<DuplicateGroup> {
  const kept = await rows.findKept(row);
  const removed: DuplicateGroup["removed"][number][] = [];
  for (const at of members.places) {
    const gone = await rows.removedAt(at);
    const { reason, similarity } = gone;
    removed.push({ ...named(gone), reason, similarity, differs: reason === "semantic" ? differences(gone, kept) : [] });
  }
  const { exact, normalized, semantic, least, mean } = members;
  return { kept: named(kept), size: kept.groupSize, exact, normalized, semantic, least, mean, removed };
}

/** The kept rows of the largest groups, and the number of groups, by one scan of kept.arrow. */
async function largest({ kept }: ResultRows, top: number): Promise<{ groups: number; best: number[] }> {
  const best = new Lowest<number>(top);
  let groups = 0;
  for await (const { batch } of kept.scan(["_row", "_group_size"])) {
    const numbers = numbersOf(batch, "_row", kept.path);
    const sizes = numbersOf(batch, "_group_size", kept.path);
    for (let i = 0; i < numbers.length; i++) {
      if (sizes[i] < 2) continue;
      groups++;
      best.add(-sizes[i], numbers[i]);
    }
  }
  return { groups, best: best.entries };
}

/** The kept rows of the groups with the least similar removed row, by one scan of removed.arrow. */
async function leastSimilar(
  { removed, manifest }: ResultRows,
  top: number,
): Promise<{ groups: number; best: number[] }> {
  const least = new Float32Array(manifest.counts.read).fill(Number.POSITIVE_INFINITY);
  for await (const { batch } of removed.scan(["_kept_row", "_similarity"])) {
    const keepers = numbersOf(batch, "_kept_row", removed.path);
    const similarities = numbersOf(batch, "_similarity", removed.path);
    for (let i = 0; i < keepers.length; i++) {
      least[keepers[i]] = Math.min(least[keepers[i]], similarities[i]);
    }
  }
  const best = new Lowest<number>(top);
  let groups = 0;
  for (let row = 0; row < least.length; row++) {
    if (least[row] === Number.POSITIVE_INFINITY) continue;
    groups++;
    best.add(least[row], row);
  }
  return { groups, best: best.entries };
}
