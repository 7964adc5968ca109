import { SEMANTIC } from "../../report/page/data.js";
import type { Survey } from "./survey.js";

/** Most groups, and most removed rows of one group, that the page lists. */
const MOST_GROUPS = 200_000;
const MOST_MEMBERS = 50;
/** Removed rows nearest to the threshold that are shown as pairs. */
const NEAR_PAIRS = 200;

/** Groups in the order in which the page shows them first. Numbers are indices into the tables of the survey. */
export interface ChosenGroups {
  /** Groups with a removed row, in all. */
  readonly total: number;
  /** Index of each group's kept row; -1 where it lies in another folder, or is missing in the table. */
  readonly kept: Int32Array;
  /** Number of each group's kept row, and the folder that holds it, as in the survey. */
  readonly keptRow: Float64Array;
  readonly keptIn: Int32Array;
  /** Rows that each group's kept row stands for, itself too. */
  readonly size: Uint32Array;
  /** Indices of the removed rows, nearest to the threshold first, group after group; `counts` says how many. */
  readonly members: Uint32Array;
  readonly counts: Uint32Array;
  /** Places in `members`, with their groups, of the removed rows whose similarity is lowest. */
  readonly near: readonly { readonly member: number; readonly group: number }[];
}

/**
 * Chooses the groups that the page lists: those with rows removed by meaning before mere copies, large ones before small
 * ones. Of a group it lists the rows removed by meaning first, the least similar one at the front.
 */
export function chooseGroups({ kept, removed }: Survey): ChosenGroups {
  const order = Uint32Array.from(removed.row.keys()).sort(
    (a, b) =>
      removed.keptIn[a] - removed.keptIn[b] ||
      removed.keptRow[a] - removed.keptRow[b] ||
      removed.reason[b] - removed.reason[a] ||
      removed.similarity[a] - removed.similarity[b] ||
      removed.row[a] - removed.row[b],
  );
  const groups: { readonly start: number; readonly end: number; readonly semantic: boolean }[] = [];
  for (let start = 0; start < order.length; ) {
    const [keptRow, keptIn] = [removed.keptRow[order[start]], removed.keptIn[order[start]]];
    const belongs = (r: number) => removed.keptRow[r] === keptRow && removed.keptIn[r] === keptIn;
    let end = start + 1;
    while (end < order.length && belongs(order[end])) end++;
    groups.push({ start, end, semantic: removed.reason[order[start]] === SEMANTIC });
    start = end;
  }
  const total = groups.length;
  groups.sort((a, b) => Number(b.semantic) - Number(a.semantic) || b.end - b.start - (a.end - a.start));
  const shown = groups.slice(0, MOST_GROUPS);
  const counts = Uint32Array.from(shown, ({ start, end }) => Math.min(MOST_MEMBERS, end - start));
  const members = new Uint32Array(counts.reduce((sum, count) => sum + count, 0));
  const indexOf = new Map<number, number>();
  const isHere = ({ start }: { readonly start: number }) => removed.keptIn[order[start]] < 0;
  for (const { start } of shown.filter(isHere)) indexOf.set(removed.keptRow[order[start]], -1);
  for (let i = 0; i < kept.row.length; i++) if (indexOf.has(kept.row[i])) indexOf.set(kept.row[i], i);
  let near: { member: number; group: number }[] = [];
  const nearest = () =>
    near
      .sort((a, b) => removed.similarity[members[a.member]] - removed.similarity[members[b.member]])
      .slice(0, NEAR_PAIRS);
  for (let g = 0, at = 0; g < shown.length; g++) {
    for (let j = 0; j < counts[g]; j++, at++) {
      members[at] = order[shown[g].start + j];
      if (removed.reason[members[at]] === SEMANTIC) near.push({ member: at, group: g });
    }
    if (near.length > 100 * NEAR_PAIRS) near = nearest();
  }
  return {
    total,
    kept: Int32Array.from(shown, (group) =>
      isHere(group) ? (indexOf.get(removed.keptRow[order[group.start]]) ?? -1) : -1,
    ),
    keptRow: Float64Array.from(shown, ({ start }) => removed.keptRow[order[start]]),
    keptIn: Int32Array.from(shown, ({ start }) => removed.keptIn[order[start]]),
    size: Uint32Array.from(shown, ({ start, end }) => end - start + 1),
    members,
    counts,
    near: nearest(),
  };
}
