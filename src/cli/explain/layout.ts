import { stripVTControlCharacters } from "node:util";
import { type Change, difference, shortened } from "../../text/difference.js";
import { type Marks, marksFor } from "../marked.js";
import { printable } from "../printable.js";

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
  return { marks: marksFor(stream), width: terminal ? stream.columns : DEFAULT_WIDTH, wraps: terminal };
}

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\u4dbf\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

/** Columns that a text takes on a terminal: two for each character of East Asian width and each emoji. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += /^\p{M}/u.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** Columns that the marks of a piece take beside its text. */
function markWidth({ kind }: Change, marks: Marks): number {
  return kind === "same" ? 0 : displayWidth(stripVTControlCharacters(marks[kind]("")));
}

function marked({ kind, text }: Change, marks: Marks): string {
  return kind === "same" ? text : marks[kind](text);
}

/** One of the two compared texts as pieces. */
function sideOf(changes: readonly Change[], side: "removed" | "added"): Change[] {
  return safe(changes.filter(({ kind }) => kind === "same" || kind === side));
}

/** Pieces that are safe to print. */
function safe(changes: readonly Change[]): Change[] {
  return changes.map(({ kind, text }) => ({ kind, text: printable(text) }));
}

/**
 * Sets pieces into one line of at most `width` columns; "…" stands for what does not fit.
 */
function fitted(pieces: readonly Change[], width: number, marks: Marks): string {
  if (fits(pieces, width, marks)) return pieces.map((piece) => marked(piece, marks)).join("");
  let left = width - 1;
  let line = "";
  for (const piece of pieces) {
    const room = left - markWidth(piece, marks);
    const text = room > 0 ? beginning(piece.text, room) : "";
    if (text !== "") line += marked({ ...piece, text }, marks);
    left = room - displayWidth(text);
    if (text !== piece.text) break;
  }
  return `${line}…`;
}

function fits(pieces: readonly Change[], width: number, marks: Marks): boolean {
  return pieces.reduce((sum, piece) => sum + displayWidth(piece.text) + markWidth(piece, marks), 0) <= width;
}

/** As much of a text's beginning as `width` columns hold. */
function beginning(text: string, width: number): string {
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += displayWidth(character);
    if (used > width) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A text as one line of at most `width` columns. */
function fittedText(text: string, width: number): string {
  return fitted([{ kind: "same", text: printable(text) }], width, { removed: String, added: String });
}

/** Breaks pieces into lines of at most `width` columns, between words where it can. */
export function wrapped(pieces: readonly Change[], width: number, marks: Marks): string[] {
  const lines: string[] = [];
  let line: Change[] = [];
  let left = width;
  const breakLine = () => {
    const last = line.pop();
    if (last !== undefined) line.push({ ...last, text: last.text.trimEnd() });
    lines.push(line.map((piece) => marked(piece, marks)).join(""));
    line = [];
    left = width;
  };
  const put = (kind: Change["kind"], text: string) => {
    const last = line.at(-1);
    if (last?.kind === kind) line[line.length - 1] = { kind, text: last.text + text };
    else {
      line.push({ kind, text });
      left -= markWidth({ kind, text }, marks);
    }
    left -= displayWidth(text);
  };
  /** Columns for more text of a piece on this line. */
  const roomFor = (piece: Change) => left - (line.at(-1)?.kind === piece.kind ? 0 : markWidth(piece, marks));
  for (const piece of pieces) {
    for (let [unit] of piece.text.matchAll(UNITS)) {
      if (displayWidth(unit) > roomFor(piece) && line.length > 0) {
        breakLine();
        if (/^\s+$/.test(unit)) continue;
      }
      while (displayWidth(unit) > roomFor(piece)) {
        const head = beginning(unit, Math.max(2, roomFor(piece)));
        put(piece.kind, head);
        breakLine();
        unit = unit.slice(head.length);
      }
      if (unit !== "") put(piece.kind, unit);
    }
  }
  if (line.length > 0 || lines.length === 0) breakLine();
  return lines;
}

/** What a line may be broken between: spaces, a wide character, or a word with its punctuation. */
const UNITS =
  /\s+|[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffe6]|[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffe6]+/gu;

/** A line of an answer: its name, and pieces of text. */
export interface Entry {
  readonly name: string;
  readonly pieces: readonly Change[];
}

/** An entry without marks; control characters of the text are replaced. */
export function entry(name: string, text: string): Entry {
  return { name, pieces: [{ kind: "same", text: printable(text) }] };
}

/** Characters of what two texts share that stay beside each difference. */
const CONTEXT = 80;
/** Longest piece that only one text has, in characters, before its middle is left out. */
const LONGEST = 400;

/** An entry of a text alone, of which the beginning stands for a long one. */
export function shortEntry(name: string, text: string): Entry {
  const pieces = shortened([{ kind: "same", text }], CONTEXT);
  return { name, pieces: safe(pieces) };
}

/** Lines of name and value, with the values aligned, broken into lines where the page asks for it. */
export function entryLines(entries: readonly Entry[], { width, wraps, marks }: Page): string {
  const indent = Math.max(...entries.map(({ name }) => name.length)) + 4;
  const room = Math.max(LEAST_WIDTH, width - indent);
  return entries
    .flatMap(({ name, pieces }) => {
      const lines = wraps ? wrapped(pieces, room, marks) : [pieces.map((piece) => marked(piece, marks)).join("")];
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
  const changes = shortened(compared, CONTEXT).map(({ kind, text }) => ({ kind, text: middleless(text) }));
  if (before === after) return [shortEntry("text", before)];
  if (!areAlike(compared)) return [entry(firstName, middleless(before)), entry(secondName, middleless(after))];
  return [
    { name: firstName, pieces: sideOf(changes, "removed") },
    { name: secondName, pieces: sideOf(changes, "added") },
  ];
}

function middleless(text: string): string {
  const characters = [...text];
  if (characters.length <= LONGEST) return text;
  return `${characters.slice(0, LONGEST / 2).join("")}…${characters.slice(-LONGEST / 2).join("")}`;
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
  const all = [head, ...rows.map(({ cells }) => cells)];
  const widths = head.map((_, c) => Math.max(...all.map((cells) => displayWidth(cells[c] ?? ""))));
  const room = Math.max(LEAST_WIDTH, width - widths.reduce((sum, cell) => sum + cell + 2, 2));
  const line = (cells: readonly string[], text: string) =>
    `  ${cells.map((cell, c) => `${" ".repeat(widths[c] - displayWidth(cell))}${cell}  `).join("")}${text}`.trimEnd();
  const lines = rows.map(({ cells, text, base }) => {
    if (text === null) return line(cells, "(no text)");
    if (typeof base !== "string") return line(cells, fittedText(text, room));
    if (text === base) return line(cells, "(the same text)");
    const changes = difference(text, base);
    if (!areAlike(changes)) return line(cells, fittedText(text, room));
    const whole = safe(changes);
    return line(
      cells,
      fitted(fits(whole, room, marks) ? whole : safe(shortened(changes, NARROW_CONTEXT)), room, marks),
    );
  });
  return [line(head, "text"), ...lines].map((each) => `${each}\n`).join("");
}
