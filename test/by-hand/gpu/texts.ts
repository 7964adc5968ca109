import type { Random } from "../../faults/random.js";

/** Characters that the made models have a token for each. */
export const CHARACTERS: readonly string[] = Array.from({ length: 20_000 }, (_, i) => String.fromCodePoint(0x4e00 + i));

const LETTERS = "aeioklmnrt";
/** Words of four letters that the made models have a token for each. */
export const SHORT_WORDS: readonly string[] = Array.from({ length: 1000 }, (_, i) =>
  [0, 1, 2, 3].map((place) => LETTERS[Math.floor(i / 10 ** place + 3 * place) % 10]).join(""),
);

/** Tokens of a text: a number, or `mixed` for lengths of 12 to 400 as a corpus has them, in words with spaces between. */
export type Length = number | "mixed";

/** Reads a length from a flag. */
export function parseLength(text: string): Length {
  return text === "mixed" ? text : Number(text);
}

/** Makes a text of random tokens; what frames it, [CLS] and [SEP], counts. */
export function makeText(length: Length, random: Random): string {
  if (length !== "mixed") {
    return Array.from({ length: length - 2 }, () => CHARACTERS[random.below(CHARACTERS.length)]).join("");
  }
  const words = Math.round(10 * 40 ** random.fraction());
  return Array.from({ length: words }, () => SHORT_WORDS[random.below(SHORT_WORDS.length)]).join(" ");
}
