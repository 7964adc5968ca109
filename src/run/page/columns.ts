import { NO_TEXT, type PageColumns } from "../../report/page/data.js";
import { indexOf } from "../read/row-index.js";
import type { ChosenGroups } from "./choose-groups.js";
import { clusterAt, type FolderClusters } from "./clusters.js";
import type { KeptPair } from "./neighbours.js";
import type { Survey } from "./survey.js";
import { CUT_AT, type FoundText, type PageTexts } from "./texts.js";
import type { KeptVectors, MapPoints } from "./vectors.js";

/** What the columns are made of. */
export interface ColumnSources {
  readonly survey: Survey;
  readonly groups: ChosenGroups;
  readonly apart: readonly KeptPair[];
  readonly keptVectors: KeptVectors;
  readonly points?: MapPoints;
  readonly clusters?: FolderClusters;
  /** Texts of kept rows of references, by group; empty where there are none. */
  readonly keepers: ReadonlyMap<number, FoundText>;
}

/** UTF-16 units of the texts that are held while the page is made; the page carries a tenth of them at most. */
const MOST_UNITS = 32_000_000;
/** Units that stand for what a text takes beside its characters. */
const UNITS_OF_TEXT = 50;

/**
 * The rows whose texts the page may show, in the order in which `pageColumns` takes them. The list ends where their texts
 * would take more than 64 MB: long before that the page is full.
 */
export function wantedRows({ survey, groups, apart, keptVectors, points }: ColumnSources): Set<number> {
  const { kept, removed } = survey;
  const wanted = new Set<number>();
  let left = MOST_UNITS;
  const want = ({ row, units }: Survey["kept"] | Survey["removed"], i: number) => {
    if (i < 0 || left <= 0 || wanted.has(row[i])) return;
    wanted.add(row[i]);
    left -= UNITS_OF_TEXT + Math.min(CUT_AT, units[i]);
  };
  const wantKept = (row: number) => want(kept, indexOf(kept.row, row));
  for (const { a, b } of apart) for (const at of [a, b]) wantKept(keptVectors.rows[at]);
  for (const { member, group } of groups.near) {
    want(removed, groups.members[member]);
    want(kept, groups.kept[group]);
  }
  for (let g = 0, at = 0; g < groups.kept.length; g++) {
    want(kept, groups.kept[g]);
    for (let j = 0; j < groups.counts[g]; j++, at++) want(removed, groups.members[at]);
  }
  for (const row of points?.rows ?? []) wantKept(row);
  return wanted;
}

/** The columns of the page. Texts go in by worth, until the budget is spent: near pairs, groups, points of the map. */
export function pageColumns(
  sources: ColumnSources,
  found: ReadonlyMap<number, FoundText>,
  texts: PageTexts,
): Omit<PageColumns, "textLength"> {
  const { survey, groups, apart, keptVectors } = sources;
  // Few and short, and a row of a reference must not be shown as one of this folder.
  const folders = survey.folders.map((folder) => texts.add(folder));
  const textOf = (row: number) => {
    const known = found.get(row);
    return known === undefined ? NO_TEXT : texts.add(known.text, known.length);
  };
  const idOf = (row: number) => {
    const id = found.get(row)?.id;
    return id === undefined ? NO_TEXT : texts.add(id);
  };
  const pair = { a: apart.map(({ a }) => keptVectors.rows[a]), b: apart.map(({ b }) => keptVectors.rows[b]) };
  const apartTextA = Uint32Array.from(pair.a, textOf);
  const apartTextB = Uint32Array.from(pair.b, textOf);
  const keeperText = (group: number) => {
    const at = groups.kept[group];
    if (at >= 0) return textOf(survey.kept.row[at]);
    const known = sources.keepers.get(group);
    return known === undefined ? NO_TEXT : texts.add(known.text, known.length);
  };
  for (const { member, group } of groups.near) {
    textOf(survey.removed.row[groups.members[member]]);
    keeperText(group);
  }
  const groupRow = Uint32Array.from(groups.keptRow);
  const memberRow = Uint32Array.from(groups.members, (i) => survey.removed.row[i]);
  const groupText = new Uint32Array(groupRow.length);
  const memberText = new Uint32Array(memberRow.length);
  for (let g = 0, at = 0; g < groupRow.length; g++) {
    groupText[g] = keeperText(g);
    for (let j = 0; j < groups.counts[g]; j++, at++) memberText[at] = textOf(memberRow[at]);
  }
  return {
    groupRow,
    groupSize: groups.size,
    groupText,
    groupId: groupRow.map((row, g) => (groups.kept[g] < 0 ? NO_TEXT : idOf(row))),
    groupFolder: Uint32Array.from(groups.keptIn, (folder) => (folder < 0 ? NO_TEXT : folders[folder])),
    groupMembers: groups.counts,
    memberRow,
    memberSimilarity: Float32Array.from(groups.members, (i) => survey.removed.similarity[i]),
    memberReason: Uint8Array.from(groups.members, (i) => survey.removed.reason[i]),
    memberText,
    memberId: memberRow.map(idOf),
    nearMember: Uint32Array.from(groups.near, ({ member }) => member),
    nearGroup: Uint32Array.from(groups.near, ({ group }) => group),
    apartRowA: Uint32Array.from(pair.a),
    apartRowB: Uint32Array.from(pair.b),
    apartTextA,
    apartTextB,
    apartSimilarity: Float32Array.from(apart, ({ cosine }) => cosine),
    ...mapColumns(sources, textOf),
  };
}

/** Places to the 4,096 steps that a screen can show: the low bits stay 0 and cost nothing when deflated. */
const PLACE_STEPS = 4096;

function mapColumns({ points, clusters }: ColumnSources, textOf: (row: number) => number) {
  const rows = points?.rows ?? new Float64Array();
  const scale = scaleOf(points);
  const place = (values: Float32Array | undefined, centre: number) =>
    Uint16Array.from(values ?? [], (value) => {
      const step = Math.floor((0.5 + (value - centre) / scale.width) * PLACE_STEPS);
      return Math.max(0, Math.min(PLACE_STEPS - 1, step)) * (65_536 / PLACE_STEPS);
    });
  return {
    mapX: place(points?.x, scale.x),
    mapY: place(points?.y, scale.y),
    mapCluster: Uint32Array.from(rows, (row) => (clusterAt(clusters, row) ?? -1) + 1),
    mapRow: Uint32Array.from(rows),
    mapText: Uint32Array.from(rows, textOf),
  };
}

/** The centre of the points and the width of a square that holds all of them. */
function scaleOf(points: MapPoints | undefined): { x: number; y: number; width: number } {
  const range = (values: Float32Array = new Float32Array()) => {
    let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const value of values) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return values.length === 0 ? [0, 0] : [low, high];
  };
  const [left, right] = range(points?.x);
  const [bottom, top] = range(points?.y);
  const width = Math.max(right - left, top - bottom) * 1.04;
  return { x: (left + right) / 2, y: (bottom + top) / 2, width: width > 0 ? width : 1 };
}
