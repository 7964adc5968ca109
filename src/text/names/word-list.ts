/**
 * Calls `add` with each word of a front-coded list in order: the units shared with the word before (0 to 9), the rest of
 * the word, and a class of one unit that is in `classes`.
 */
export function readWords(coded: string, classes: RegExp, add: (word: string, kind: string) => void): void {
  const entry = new RegExp(`(\\d)([^\\d]*?)(${classes.source})`, "g");
  let word = "";
  for (const [, shared, rest, kind] of coded.matchAll(entry)) {
    word = word.slice(0, Number(shared)) + rest;
    add(word, kind);
  }
}
