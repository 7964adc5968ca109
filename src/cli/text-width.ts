/** Characters that a terminal shows two columns wide: Chinese, Japanese, Korean, full-width forms, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const NARROW = /\p{M}/u;

/** Columns of a terminal that a text takes. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += columnsOfCharacter(character);
  return columns;
}

function columnsOfCharacter(character: string): number {
  if (NARROW.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** The beginning of a text that fits into `most` columns; "…" stands for the rest. */
export function fitted(text: string, most: number): string {
  if (columnsOf(text) <= most) return text;
  let columns = 1;
  let shown = "";
  for (const character of text) {
    columns += columnsOfCharacter(character);
    if (columns > most) break;
    shown += character;
  }
  return `${shown}…`;
}
