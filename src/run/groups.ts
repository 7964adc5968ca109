import type { Reason } from "../join/decisions.js";
import { Lowest } from "../lowest.js";
import type { GuardDifference } from "../text/guards.js";
import { differences, named } from "./explain-row.js";
import type { NamedRow } from "./explanation.js";
import type { GroupOrder } from "./flags/groups.js";
import { type GroupMembers, type KeeperName, keeperKey, readGroupMembers } from "./read/group-members.js";
import { type Keeper, openKeepers } from "./read/keepers.js";
import { openResultRows, type ResultRows } from "./read/result-rows.js";
import { numbersOf } from "./read/result-table.js";
import { KEPT_IN } from "./write/output-columns.js";

/** Removed rows of each group that are shown. */
const SHOWN = 3;

/** A kept row and the rows that go on its account. */
export interface DuplicateGroup {
  readonly kept: NamedRow;
  /** All rows of the group that lie in the folder, and the kept one. */
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
 * written. Rows on account of the same row of a reference are a group too. Sorting by similarity holds 4 bytes for each
 * row of the run; every group of a reference's row takes some 100 bytes.
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
  const keepers = openKeepers(rows);
  try {
    const others = await referenceGroups(rows);
    const { groups, best } = await (sort === "size" ? largest(rows, others, top) : leastSimilar(rows, others, top));
    const members = await readGroupMembers({
      removed: rows.removed,
      keepers: best,
      references: rows.manifest.references !== undefined,
      shown: "least similar",
      limit: SHOWN,
    });
    const listed: DuplicateGroup[] = [];
    for (const [i, { row, in: keptIn }] of best.entries()) {
      listed.push(await describeGroup(rows, await keepers.find(row, keptIn), members[i]));
    }
    await rows.requireUnchanged();
    const { threshold } = rows.manifest;
    const removed = rows.removed.rows;
    return { command: "groups", folder, threshold, sort, id_field: rows.idField, groups, removed, top: listed };
  } finally {
    await keepers.close();
    await rows.close();
  }
}

async function describeGroup(rows: ResultRows, kept: Keeper, members: GroupMembers): Promise<DuplicateGroup> {
  const removed: DuplicateGroup["removed"][number][] = [];
  for (const at of members.places) {
    const gone = await rows.removedAt(at);
    const { reason, similarity } = gone;
    removed.push({ ...named(gone), reason, similarity, differs: reason === "semantic" ? differences(gone, kept) : [] });
  }
  const { exact, normalized, semantic, least, mean } = members;
  const size = kept.in === undefined ? kept.groupSize : 1 + exact + normalized + semantic;
  return { kept: named(kept), size, exact, normalized, semantic, least, mean, removed };
}

/** The rows that go on account of one kept row of a reference. */
interface ReferenceGroup {
  readonly keeper: KeeperName;
  rows: number;
  least: number;
}

/** The groups of kept rows of references, by one scan of removed.arrow; none where the run had no references. */
async function referenceGroups({ removed, manifest }: ResultRows): Promise<readonly ReferenceGroup[]> {
  const groups = new Map<string, ReferenceGroup>();
  if (manifest.references === undefined) return [];
  for await (const { batch } of removed.scan(["_kept_row", KEPT_IN, "_similarity"])) {
    const keepers = numbersOf(batch, "_kept_row", removed.path);
    const similarities = numbersOf(batch, "_similarity", removed.path);
    const places = batch.getChild(KEPT_IN);
    for (let i = 0; i < keepers.length; i++) {
      const place = places?.get(i) as string | null;
      if (place === null) continue;
      const key = keeperKey(keepers[i], place);
      const group = groups.get(key) ?? { keeper: { row: keepers[i], in: place }, rows: 0, least: 1 };
      group.rows++;
      group.least = Math.min(group.least, similarities[i]);
      groups.set(key, group);
    }
  }
  return [...groups.values()];
}

/** What the order of the groups finds. */
interface FoundGroups {
  readonly groups: number;
  readonly best: readonly KeeperName[];
}

/** The kept rows of the largest groups, and the number of groups, by one scan of kept.arrow. */
async function largest({ kept }: ResultRows, others: readonly ReferenceGroup[], top: number): Promise<FoundGroups> {
  const best = new Lowest<KeeperName>(top);
  let groups = others.length;
  for (const { keeper, rows } of others) best.add(-(rows + 1), keeper);
  for await (const { batch } of kept.scan(["_row", "_group_size"])) {
    const numbers = numbersOf(batch, "_row", kept.path);
    const sizes = numbersOf(batch, "_group_size", kept.path);
    for (let i = 0; i < numbers.length; i++) {
      if (sizes[i] < 2) continue;
      groups++;
      best.add(-sizes[i], { row: numbers[i] });
    }
  }
  return { groups, best: best.entries };
}

/** The kept rows of the groups with the least similar removed row, by one scan of removed.arrow. */
async function leastSimilar(
  { removed, manifest }: ResultRows,
  others: readonly ReferenceGroup[],
  top: number,
): Promise<FoundGroups> {
  const least = new Float32Array(manifest.counts.read).fill(Number.POSITIVE_INFINITY);
  const placed = manifest.references === undefined ? [] : [KEPT_IN];
  for await (const { batch } of removed.scan(["_kept_row", "_similarity", ...placed])) {
    const keepers = numbersOf(batch, "_kept_row", removed.path);
    const similarities = numbersOf(batch, "_similarity", removed.path);
    const places = placed.length > 0 ? batch.getChild(KEPT_IN) : null;
    for (let i = 0; i < keepers.length; i++) {
      if (places !== null && places.get(i) !== null) continue;
      least[keepers[i]] = Math.min(least[keepers[i]], similarities[i]);
    }
  }
  const best = new Lowest<KeeperName>(top);
  let groups = others.length;
  for (const { keeper, least: lowest } of others) best.add(lowest, keeper);
  for (let row = 0; row < least.length; row++) {
    if (least[row] === Number.POSITIVE_INFINITY) continue;
    groups++;
    best.add(least[row], { row });
  }
  return { groups, best: best.entries };
}
