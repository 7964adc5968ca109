import { eastAsianWidth } from "get-east-asian-width";

/** Columns of a line where no terminal tells its width. */
const COLUMNS = 80;

/** The width of a terminal in columns; 80 where the stream is none or does not tell. */
export function widthOf({ columns }: { readonly columns?: number }): number {
  return columns || COLUMNS;
}

/** Characters that a terminal draws onto the one before, or not at all. */
const MARK = /^[\p{M}\p{Cf}]$/u;

/** Columns of a terminal that a text takes: two for a Chinese character or an emoji, none for a combining mark. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

function columnsOfCharacter(character: string): number {
  return MARK.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) as number);
}

/** As much of the beginning of a text as fits into this many columns. */
export function beginning(text: string, columns: number): string {
  let end = 0;
  let used = 0;
  for (const character of text) {
    used += columnsOfCharacter(character);
    if (used > columns) break;
    end += character.length;
  }
  return text.slice(0, end);
}

/** A text that fits into this many columns: the whole, or its beginning and "…" for the rest. */
export function fitted(text: string, columns: number): string {
  return columnsOf(text) <= columns ? text : `${beginning(text, columns - 1).trimEnd()}…`;
}

/** The rows of a table as lines: two spaces between cells, each column right-aligned and as wide as its widest cell. */
export function rightAligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const cells of rows) {
    for (const [c, cell] of cells.entries()) widths[c] = Math.max(widths[c] ?? 0, columnsOf(cell));
  }
  return rows.map((cells) => cells.map((cell, c) => `${" ".repeat(widths[c] - columnsOf(cell))}${cell}`).join("  "));
}
