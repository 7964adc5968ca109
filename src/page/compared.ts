import type { PageData } from "../report/page/data.js";
import { NO_TEXT } from "../report/page/data.js";
import { type Change, difference, shortened } from "../text/difference.js";
import { type Child, el } from "./dom.js";
import { count } from "./format.js";

/** Characters of equal text that stay beside a difference. */
const CONTEXT = 40;
/** Longest text that is compared as it is; longer ones are shortened where they are equal. */
const WHOLE = 300;

/** A text of the page by its number in a column. */
export interface ShownText {
  readonly text: string;
  /** Characters that the page does not carry. */
  readonly missing: number;
}

/** Looks up a text; undefined where the page does not carry it. */
export function shownText({ texts, columns }: PageData, number: number): ShownText | undefined {
  if (number === NO_TEXT) return undefined;
  const text = texts[number - 1];
  return { text, missing: columns.textLength[number - 1] - text.length };
}

/** A text as content, with what is left out of it; a notice where the page does not carry the text. */
export function textNodes(shown: ShownText | undefined): Child {
  if (shown === undefined) return el("span", { class: "absent" }, "text not in this page");
  if (shown.text === "") return el("span", { class: "absent" }, "empty text");
  return [shown.text, cutNotice(shown)];
}

/** Two texts with their differences marked: what only the first has, and what only the second has. */
export function markedPair(first: ShownText | undefined, second: ShownText | undefined): [first: Child, second: Child] {
  if (first === undefined || second === undefined) return [textNodes(first), textNodes(second)];
  if (first.text === second.text) {
    const behind = first.missing !== second.missing || (first.missing > 0 && second.missing > 0);
    const note = behind ? el("span", { class: "absent" }, " (the difference lies behind the cut)") : undefined;
    return [textNodes(first), [textNodes(second), note]];
  }
  const changes = changesOf(first, second);
  return [
    [side(changes, "removed"), cutNotice(first)],
    [side(changes, "added"), cutNotice(second)],
  ];
}

/**
 * A text beside one that is read already: what it adds and what it lacks, both in place. Of a text that shares little
 * with the known one, only what it adds is marked, because all the rest of the known one would stand between its words.
 */
export function markedAgainst(known: ShownText | undefined, shown: ShownText | undefined): Child {
  if (known === undefined || shown === undefined || known.text === shown.text) return markedPair(known, shown)[1];
  const changes = changesOf(known, shown);
  const length = (kind: Change["kind"]) =>
    changes.reduce((sum, change) => sum + (change.kind === kind ? change.text.length : 0), 0);
  const akin = length("removed") <= length("same");
  return [akin ? changes.map(marked) : side(changes, "added"), cutNotice(shown)];
}

function changesOf(first: ShownText, second: ShownText): readonly Change[] {
  const all = difference(first.text, second.text);
  return first.text.length + second.text.length > 2 * WHOLE ? shortened(all, CONTEXT) : all;
}

/** A change as marked text. Spaces at its ends stay outside, unless there is nothing else. */
function marked({ kind, text }: Change): Child {
  if (kind === "same") return text;
  const [, before, middle, after] = /^(\s*)(.*?)(\s*)$/su.exec(text) ?? ["", "", text, ""];
  const mark = (content: string) => el(kind === "added" ? "ins" : "del", {}, content);
  return middle === "" ? mark(text) : [before, mark(middle), after];
}

function side(changes: readonly Change[], kind: "removed" | "added"): Child[] {
  return changes.filter((change) => change.kind === "same" || change.kind === kind).map(marked);
}

function cutNotice({ missing }: ShownText): Child {
  return missing > 0 && el("span", { class: "absent" }, ` … ${count(missing)} more characters`);
}
