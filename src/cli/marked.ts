import { stripVTControlCharacters, styleText } from "node:util";
import type { Change } from "../text/difference.js";
import { printable } from "./printable.js";
import { beginning, columnsOf } from "./text-width.js";

/** Marks the pieces of two compared texts for a person. */
export interface Marks {
  readonly removed: (text: string) => string;
  readonly added: (text: string) => string;
}

/** Marks by brackets: `[-only in the first-]` and `{+only in the second+}`, as git does. */
const BRACKETS: Marks = { removed: (text) => `[-${text}-]`, added: (text) => `{+${text}+}` };

/** Marks by colour, which is also underlined for those who do not tell red from green. */
const COLOURS: Marks = {
  removed: (text) => styleText(["red", "underline"], text),
  added: (text) => styleText(["green", "underline"], text),
};

/** Leaves texts without marks. */
export const NO_MARKS: Marks = { removed: String, added: String };

/** The marks for a stream: colours on a terminal that has them and unless NO_COLOR is set, brackets elsewhere. */
export function marksFor(stream: NodeJS.WriteStream): Marks {
  const coloured = stream.isTTY === true && stream.hasColors() && !process.env.NO_COLOR;
  return coloured ? COLOURS : BRACKETS;
}

/** A text that is compared with none, as pieces that are safe to print. */
export function plainPieces(text: string): Change[] {
  return printablePieces([{ kind: "same", text }]);
}

/** One of two compared texts as pieces that are safe to print. */
export function sideOf(changes: readonly Change[], side: "removed" | "added"): Change[] {
  return printablePieces(changes.filter(({ kind }) => kind === "same" || kind === side));
}

/** Both of two compared texts as pieces that are safe to print. */
export function printablePieces(changes: readonly Change[]): Change[] {
  return changes.map(({ kind, text }) => ({ kind, text: printable(text) }));
}

/** Columns that the marks of a piece take beside its text. */
function markColumns({ kind }: Change, marks: Marks): number {
  return kind === "same" ? 0 : columnsOf(stripVTControlCharacters(marks[kind]("")));
}

function marked({ kind, text }: Change, marks: Marks): string {
  return kind === "same" ? text : marks[kind](text);
}

/** Pieces as one line of any width. */
export function markedLine(pieces: readonly Change[], marks: Marks): string {
  return pieces.map((piece) => marked(piece, marks)).join("");
}

/** Whether a line of pieces takes at most `width` columns. */
export function fitsLine(pieces: readonly Change[], width: number, marks: Marks): boolean {
  return pieces.reduce((sum, piece) => sum + columnsOf(piece.text) + markColumns(piece, marks), 0) <= width;
}

/** Pieces as one line of at most `width` columns; "…" stands for what does not fit. */
export function fittedLine(pieces: readonly Change[], width: number, marks: Marks): string {
  if (fitsLine(pieces, width, marks)) return markedLine(pieces, marks);
  let left = width - 1;
  let line = "";
  for (const piece of pieces) {
    const room = left - markColumns(piece, marks);
    const text = room > 0 ? beginning(piece.text, room) : "";
    if (text !== "") line += marked({ ...piece, text }, marks);
    left = room - columnsOf(text);
    if (text !== piece.text) break;
  }
  return `${line}…`;
}

/** What a line may be broken between: spaces, a wide character, or a word with its punctuation. */
const UNITS =
  /\s+|[\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffe6]|[^\s\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uffe6]+/gu;

/** Breaks pieces into lines of at most `width` columns, between words where it can, with the marks on each line. */
export function wrappedLines(pieces: readonly Change[], width: number, marks: Marks): string[] {
  const lines = new BrokenLines(width, marks);
  for (const piece of pieces) {
    const blank = piece.text.trim() === "";
    for (let [unit] of piece.text.matchAll(UNITS)) {
      if (columnsOf(unit) > lines.roomFor(piece) && !lines.atStart) {
        lines.end();
        // Spaces end with the line, unless they are all that one of the texts has more.
        if (unit.trim() === "" && (piece.kind === "same" || !blank)) continue;
      }
      while (columnsOf(unit) > lines.roomFor(piece)) {
        const head = beginning(unit, Math.max(2, lines.roomFor(piece)));
        lines.add({ kind: piece.kind, text: head });
        lines.end();
        unit = unit.slice(head.length);
      }
      if (unit !== "") lines.add({ kind: piece.kind, text: unit });
    }
  }
  return lines.all();
}

/** Lines that are filled one after the other. */
class BrokenLines {
  readonly #width: number;
  readonly #marks: Marks;
  readonly #lines: string[] = [];
  #line: Change[] = [];
  #left: number;

  constructor(width: number, marks: Marks) {
    this.#width = width;
    this.#marks = marks;
    this.#left = width;
  }

  /** True where the present line has no text. */
  get atStart(): boolean {
    return this.#line.length === 0;
  }

  /** Columns of the present line for text of a piece, whose marks it may have already. */
  roomFor(piece: Change): number {
    return this.#left - (this.#line.at(-1)?.kind === piece.kind ? 0 : markColumns(piece, this.#marks));
  }

  add(piece: Change): void {
    this.#left = this.roomFor(piece) - columnsOf(piece.text);
    const last = this.#line.at(-1);
    if (last?.kind !== piece.kind) this.#line.push(piece);
    else this.#line[this.#line.length - 1] = { kind: piece.kind, text: last.text + piece.text };
  }

  /** Ends the present line, without the spaces at its end. */
  end(): void {
    const last = this.#line.pop();
    if (last !== undefined) {
      const text = last.text.trimEnd();
      this.#line.push(text === "" ? last : { kind: last.kind, text });
    }
    this.#lines.push(markedLine(this.#line, this.#marks));
    this.#line = [];
    this.#left = this.#width;
  }

  /** All lines, at least one. */
  all(): string[] {
    if (!this.atStart || this.#lines.length === 0) this.end();
    return this.#lines;
  }
}

/** A sentence in lines of at most `columns`, each ended by a newline, the later ones indented. A longer word stays whole. */
export function wrapped(sentence: string, columns: number): string {
  return `${wrappedLines(plainPieces(sentence), columns - 2, NO_MARKS).join("\n  ")}\n`;
}
