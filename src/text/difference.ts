import { diffArrays } from "diff";

/** A piece of two compared texts: in both of them, only in the first (removed), or only in the second (added). */
export interface Change {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/**
 * What is compared as a whole: a character of a script that is written without spaces, a word or number of any other,
 * white space, or a single character of anything else.
 */
const TOKENS =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]\p{M}*|(?:(?![\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}])[\p{L}\p{N}_]\p{M}*)+|\s+|./gsu;

/**
 * Insertions and deletions up to which two texts are compared token by token. The work is proportional to the length
 * times this number; texts that differ in more are different as a whole.
 */
const MOST_EDITS = 2000;

/**
 * Compares two texts: Chinese, Japanese and Thai by character, other scripts by word. The algorithm is Myers's, of the
 * package diff. Texts with more than 2,000 insertions and deletions count as different between their common beginning
 * and their common end.
 * @returns the pieces in order, none of them empty; of pieces that replace each other the removed one comes first
 */
export function difference(before: string, after: string): Change[] {
  const [left, right] = [tokensOf(before), tokensOf(after)];
  const changes = diffArrays(left, right, { maxEditLength: MOST_EDITS });
  const pieces: Change[] =
    changes?.map(({ value, added, removed }) => ({
      kind: added ? "added" : removed ? "removed" : "same",
      text: value.join(""),
    })) ?? frame(left, right);
  return joined(pieces);
}

function tokensOf(text: string): string[] {
  return text.match(TOKENS) ?? [];
}

/** The common beginning and end of two lists of tokens, and what lies between. */
function frame(left: readonly string[], right: readonly string[]): Change[] {
  const most = Math.min(left.length, right.length);
  let start = 0;
  while (start < most && left[start] === right[start]) start++;
  let end = 0;
  while (end < most - start && left[left.length - 1 - end] === right[right.length - 1 - end]) end++;
  return [
    { kind: "same", text: left.slice(0, start).join("") },
    { kind: "removed", text: left.slice(start, left.length - end).join("") },
    { kind: "added", text: right.slice(start, right.length - end).join("") },
    { kind: "same", text: left.slice(left.length - end).join("") },
  ];
}

/**
 * Joins changes that only white space separates, because a replaced phrase is read as a whole, and puts what was
 * removed before what was added.
 */
function joined(pieces: readonly Change[]): Change[] {
  const result: Change[] = [];
  let [removed, added] = ["", ""];
  const flush = () => {
    if (removed !== "") result.push({ kind: "removed", text: removed });
    if (added !== "") result.push({ kind: "added", text: added });
    [removed, added] = ["", ""];
  };
  for (const [i, { kind, text }] of pieces.entries()) {
    if (kind === "removed") removed += text;
    else if (kind === "added") added += text;
    else if (removed !== "" && added !== "" && i < pieces.length - 1 && /^\s+$/u.test(text)) {
      removed += text;
      added += text;
    } else {
      flush();
      if (text !== "") result.push({ kind, text });
    }
  }
  flush();
  return result;
}

/** A text without its middle where it has more than `most` characters; "…" stands for what is left out. */
export function withoutMiddle(text: string, most: number): string {
  const characters = [...text];
  if (characters.length <= most) return text;
  const half = Math.floor(most / 2);
  return `${characters.slice(0, half).join("")}…${characters.slice(-half).join("")}`;
}

/**
 * Shortens what both texts share, so that the differences of long texts can be seen: of each such piece up to `context`
 * characters stay beside a change, and "…" stands for the rest.
 */
export function shortened(changes: readonly Change[], context: number): Change[] {
  return changes.map(({ kind, text }, i) => {
    if (kind !== "same") return { kind, text };
    const characters = [...text];
    const before = i > 0 ? context : 0;
    const after = i < changes.length - 1 ? context : 0;
    // Texts that are equal as a whole show their beginning.
    const [head, tail] = before + after === 0 ? [2 * context, 0] : [before, after];
    if (characters.length <= head + tail + 1) return { kind, text };
    const end = tail > 0 ? characters.slice(-tail).join("") : "";
    return { kind, text: `${characters.slice(0, head).join("")}…${end}` };
  });
}
