import { type Change, difference, shortened, withoutMiddle } from "../../text/difference.js";
import {
  fitsLine,
  fittedLine,
  type Marks,
  markedLine,
  marksFor,
  NO_MARKS,
  plainPieces,
  printablePieces,
  sideOf,
  wrappedLines,
} from "../marked.js";
import { columnsOf, rightAligned, widthOf } from "../text-width.js";

/** Where and how an answer is printed. */
export interface Page {
  readonly marks: Marks;
  /** Columns of a line. */
  readonly width: number;
  /** Whether long texts are broken into lines; a reader that is no terminal gets each text on one line. */
  readonly wraps: boolean;
}

/** Columns of a line where the reader is no terminal. */
const DEFAULT_WIDTH = 110;
/** Fewest columns into which a text is set. */
const LEAST_WIDTH = 20;

/** The page of a stream. */
export function pageFor(stream: NodeJS.WriteStream): Page {
  const terminal = stream.isTTY === true;
  return { marks: marksFor(stream), width: terminal ? widthOf(stream) : DEFAULT_WIDTH, wraps: terminal };
}

/** A line of an answer: its name, and pieces of text. */
export interface Entry {
  readonly name: string;
  readonly pieces: readonly Change[];
}

/** An entry without marks. */
export function entry(name: string, text: string): Entry {
  return { name, pieces: plainPieces(text) };
}

/** Characters of what two texts share that stay beside each difference. */
const CONTEXT = 80;
/** Longest piece that only one text has, in characters, before its middle is left out. */
const LONGEST = 400;

/** An entry of a text alone, of which the beginning stands for a long one. */
export function shortEntry(name: string, text: string): Entry {
  return { name, pieces: printablePieces(shortened([{ kind: "same", text }], CONTEXT)) };
}

/** Lines of name and value, with the values aligned, broken into lines where the page asks for it. */
export function entryLines(entries: readonly Entry[], { width, wraps, marks }: Page): string {
  const indent = Math.max(...entries.map(({ name }) => name.length)) + 4;
  const room = Math.max(LEAST_WIDTH, width - indent);
  return entries
    .flatMap(({ name, pieces }) => {
      const lines = wraps ? wrappedLines(pieces, room, marks) : [markedLine(pieces, marks)];
      return lines.map((line, i) => `${(i === 0 ? `  ${name}` : "").padEnd(indent)}${line}`.trimEnd());
    })
    .map((line) => `${line}\n`)
    .join("");
}

/** Two texts with their differences marked, each as an entry; texts that are equal as received come once. */
export function textEntries(
  first: readonly [string, string | null],
  second: readonly [string, string | null],
): Entry[] {
  const [[firstName, before], [secondName, after]] = [first, second];
  if (before === null || after === null) return [];
  const compared = difference(before, after);
  const changes = shortened(compared, CONTEXT).map(({ kind, text }) => ({ kind, text: withoutMiddle(text, LONGEST) }));
  if (before === after) return [shortEntry("text", before)];
  if (!areAlike(compared))
    return [entry(firstName, withoutMiddle(before, LONGEST)), entry(secondName, withoutMiddle(after, LONGEST))];
  return [
    { name: firstName, pieces: sideOf(changes, "removed") },
    { name: secondName, pieces: sideOf(changes, "added") },
  ];
}

/**
 * Whether marks help a reader: the texts share a third of the longer one at least. Texts that share less are better read
 * one by one.
 */
function areAlike(changes: readonly Change[]): boolean {
  const length = (...kinds: readonly Change["kind"][]) =>
    changes.reduce((sum, { kind, text }) => sum + (kinds.includes(kind) ? text.length : 0), 0);
  return 3 * length("same") >= Math.max(length("same", "removed"), length("same", "added"));
}

/** Characters beside a difference in a line of a table. */
const NARROW_CONTEXT = 16;

/** A row of a table whose last cell is a text, merged with the text that it is compared with: both sides are marked. */
export interface TableRow {
  readonly cells: readonly string[];
  readonly text: string | null;
  /** What the text is compared with; the text comes as it is if absent. */
  readonly base?: string | null;
}

/** A line that says which marks stand for what; empty where no row has marks. */
export function legend(rows: readonly TableRow[], other: string, { marks }: Page): string {
  const any = rows.some(
    ({ text, base }) => text !== null && typeof base === "string" && text !== base && areAlike(difference(text, base)),
  );
  return any ? `  ${marks.removed("only in this row")} ${marks.added(`only in ${other}`)}\n` : "";
}

/** A table of right-aligned cells and a text that fills the line. */
export function tableLines(head: readonly string[], rows: readonly TableRow[], { width, marks }: Page): string {
  const [headCells, ...cells] = rightAligned([head, ...rows.map((row) => row.cells)]).map((line) => `  ${line}  `);
  const room = Math.max(LEAST_WIDTH, width - columnsOf(headCells));
  const lines = rows.map((row, r) => `${cells[r]}${tableText(row, room, marks)}`.trimEnd());
  return [`${headCells}text`, ...lines].map((line) => `${line}\n`).join("");
}

/** The text of a row in `room` columns. */
function tableText({ text, base }: TableRow, room: number, marks: Marks): string {
  if (text === null) return "(no text)";
  if (typeof base !== "string") return fittedLine(plainPieces(text), room, NO_MARKS);
  if (text === base) return "(the same text)";
  const changes = difference(text, base);
  if (!areAlike(changes)) return fittedLine(plainPieces(text), room, NO_MARKS);
  const whole = printablePieces(changes);
  const shown = fitsLine(whole, room, marks) ? whole : printablePieces(shortened(changes, NARROW_CONTEXT));
  return fittedLine(shown, room, marks);
}
