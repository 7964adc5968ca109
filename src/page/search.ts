import { NO_TEXT, type PageData } from "../report/page/data.js";

/** Milliseconds of work after which the browser may draw. */
const SLICE = 12;

/** How groups are listed. */
export interface GroupQuery {
  /** Words that a text, a row number or an id of the group must contain; all groups where empty. */
  readonly words: string;
  readonly order: "page" | "size" | "similarity" | "row";
  /** Reason that a row of the group must have; any where absent. */
  readonly reason?: number;
}

/** First member of each group, and the end of the last. */
export function memberStarts({ columns }: PageData): Uint32Array {
  const starts = new Uint32Array(columns.groupMembers.length + 1);
  for (let g = 0; g < columns.groupMembers.length; g++) starts[g + 1] = starts[g] + columns.groupMembers[g];
  return starts;
}

/**
 * Finds the groups of a query, some milliseconds at a time, so that the page never freezes.
 * @returns group numbers in order, or undefined where the signal stopped the search
 */
export async function findGroups(
  data: PageData,
  starts: Uint32Array,
  { words, order, reason }: GroupQuery,
  signal: AbortSignal,
): Promise<Uint32Array | undefined> {
  const { columns: c, texts } = data;
  const number = /^\d+$/.test(words) ? Number(words) : -1;
  const pattern = words === "" ? undefined : new RegExp(escapePattern(words), "iu");
  /** Whether a text matches, once known: 1 no, 2 yes. Copies share a text. */
  const known = new Uint8Array(texts.length + 1);
  const matches = (text: number) => {
    if (text === NO_TEXT) return false;
    known[text] ||= pattern?.test(texts[text - 1]) ? 2 : 1;
    return known[text] === 2;
  };
  const lowest = new Float32Array(c.groupRow.length).fill(2);
  const found: number[] = [];
  let since = performance.now();
  for (let g = 0; g < c.groupRow.length; g++) {
    if ((g & 255) === 0 && performance.now() - since > SLICE) {
      await new Promise((resolve) => setTimeout(resolve));
      if (signal.aborted) return undefined;
      since = performance.now();
    }
    let [hit, fits] = [
      pattern === undefined || c.groupRow[g] === number || matches(c.groupText[g]) || matches(c.groupId[g]),
      reason === undefined,
    ];
    for (let m = starts[g]; m < starts[g + 1]; m++) {
      lowest[g] = Math.min(lowest[g], c.memberSimilarity[m]);
      fits ||= c.memberReason[m] === reason;
      hit ||= c.memberRow[m] === number || matches(c.memberText[m]) || matches(c.memberId[m]);
    }
    if (hit && fits) found.push(g);
  }
  const groups = Uint32Array.from(found);
  if (order === "size") groups.sort((a, b) => c.groupSize[b] - c.groupSize[a] || a - b);
  if (order === "similarity") groups.sort((a, b) => lowest[a] - lowest[b] || a - b);
  if (order === "row") groups.sort((a, b) => c.groupRow[a] - c.groupRow[b]);
  return groups;
}

function escapePattern(words: string): string {
  return words.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
