import { eastAsianWidth } from "get-east-asian-width";

/** Characters that a terminal draws onto the one before, or not at all. */
const MARK = /^[\p{M}\p{Cf}]$/u;

/** Columns of a terminal that a text takes: Chinese characters take two, combining marks none. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
}

/** The beginning of a text that fits in this many columns; "…" stands for the rest. */
export function fitted(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let used = 1;
  let beginning = "";
  for (const character of text) {
    used += widthOf(character);
    if (used > columns) break;
    beginning += character;
  }
  return `${beginning.trimEnd()}…`;
}

function widthOf(character: string): number {
  return MARK.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) as number);
}
