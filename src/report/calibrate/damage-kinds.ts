import { below, type Random } from "../../random.js";
import type { Damage } from "./damage-pool.js";

/** Whether a text is written mostly in Chinese characters. */
export function isChinese(text: string): boolean {
  const han = text.match(/\p{Script=Han}/gu)?.length ?? 0;
  // A Latin word takes about as much room as two characters.
  const words = text.match(/(?!\p{Script=Han})\p{L}+/gu)?.length ?? 0;
  return han > 2 * words;
}

/** Characters of a text for each typing error, insertion or deletion: one in a title, several in an article. */
const CHARACTERS_PER_ERROR = { chinese: 40, other: 150 };
/** Most errors of a text. */
const MOST_ERRORS = 8;

function errorsIn(text: string): number {
  const each = isChinese(text) ? CHARACTERS_PER_ERROR.chinese : CHARACTERS_PER_ERROR.other;
  return Math.min(MOST_ERRORS, Math.ceil(text.length / each));
}

const draw = <T>(list: readonly T[], random: Random): T => list[below(random, list.length)];

/** Replaces a drawn match of a pattern; undefined where there is none. */
export function replaceOne(
  text: string,
  pattern: RegExp,
  random: Random,
  replacement: (match: string) => string | undefined,
): string | undefined {
  const matches = [...text.matchAll(pattern)];
  if (matches.length === 0) return undefined;
  const { 0: match, index } = draw(matches, random);
  const other = replacement(match);
  return other === undefined ? undefined : text.slice(0, index) + other + text.slice(index + match.length);
}

/** Does something to a text `times` times; undefined where it cannot be done even once. */
function repeated(text: string, times: number, once: (text: string) => string | undefined): string | undefined {
  let result: string | undefined;
  for (let i = 0; i < times; i++) result = once(result ?? text) ?? result;
  return result;
}

/** Typing errors: another Chinese character; a letter that is wrong, doubled, dropped or swapped with the next. */
export const typed: Damage = (text, { characters }, random) =>
  repeated(text, errorsIn(text), (before) =>
    isChinese(before)
      ? replaceOne(before, /\p{Script=Han}/gu, random, () => draw(characters, random))
      : replaceOne(before, /(?!\p{Script=Han})\p{L}{4,}/gu, random, (word) => mistyped(word, random)),
  );

function mistyped(word: string, random: Random): string {
  const letters = [...word];
  const at = 1 + below(random, letters.length - 2);
  const kind = below(random, 4);
  if (kind === 0) letters[at] = draw([..."abcdefghijklmnopqrstuvwxyz"], random);
  else if (kind === 1) letters.splice(at, 1);
  else if (kind === 2) letters.splice(at, 0, letters[at]);
  else [letters[at], letters[at + 1]] = [letters[at + 1], letters[at]];
  return letters.join("");
}

/** Characters or words of other texts put in. */
export const inserted: Damage = (text, { characters, words }, random) =>
  repeated(text, errorsIn(text), (before) => {
    if (!isChinese(before)) {
      if (words.length === 0) return undefined;
      return replaceOne(
        before,
        /(?<=\S)\s+(?=\S)/gu,
        random,
        (space) => `${space}${draw(words, random).toLowerCase()} `,
      );
    }
    const added = Array.from({ length: 1 + below(random, 2) }, () => draw(characters, random)).join("");
    return replaceOne(before, /\p{Script=Han}/gu, random, (character) => character + added);
  });

/** Characters or words left out, of a text that has at least four. */
export const deleted: Damage = (text, _pool, random) =>
  repeated(text, errorsIn(text), (before) => {
    if (isChinese(before)) {
      if ((before.match(/\p{Script=Han}/gu)?.length ?? 0) < 4) return undefined;
      return replaceOne(before, /\p{Script=Han}/gu, random, () => "");
    }
    if ((before.match(/\p{L}+/gu)?.length ?? 0) < 4) return undefined;
    return replaceOne(before, /(?<=\s)\p{L}+\s+(?=\S)/gu, random, () => "");
  });

/** Chinese and Latin marks that stand for each other. */
const MARKS: Readonly<Record<string, string>> = {
  "，": ",",
  "。": ".",
  "！": "!",
  "？": "?",
  "：": ":",
  "；": ";",
  "（": "(",
  "）": ")",
  "、": " ",
  ",": "，",
  "!": "！",
  "?": "？",
  ":": "：",
  ";": "；",
  "(": "（",
  ")": "）",
};

/** Punctuation and width: half of the marks go or change their width, and another mark ends the text. */
export const punctuated: Damage = (text, _pool, random) => {
  const chinese = isChinese(text);
  const changed = text.replace(/(?<!\d)[，。！？：；、,!?;"“”'‘’《》()（）…—-]+(?!\d)/gu, (marks) => {
    if (random() < 0.5) return marks;
    if (/[-'’]/.test(marks)) return marks;
    return chinese && random() < 0.5 ? (MARKS[marks] ?? " ") : " ";
  });
  const end = draw(chinese ? ["。", "！", "~", "…", " "] : [".", "!", "...", " ."], random);
  return changed.replace(/[。！？.!?~…\s]+$/u, "") + end;
};

/** Shares of a text between which clauses are swapped. */
const SWAP_BETWEEN = [0.15, 0.85];

/** The clauses before and after a mark near the middle change places. */
export const clausesSwapped: Damage = (text) => {
  const marks = [...text.matchAll(/[，。！？；：,;!?:]\s*|\.\s+|(?<=\p{Script=Han})\s+(?=\p{Script=Han})/gu)];
  const fit = marks.filter(
    ({ index }) => index > SWAP_BETWEEN[0] * text.length && index < SWAP_BETWEEN[1] * text.length,
  );
  if (fit.length === 0) return undefined;
  const off = ({ index }: { index: number }) => Math.abs(index - text.length / 2);
  const mark = fit.reduce((best, other) => (off(other) < off(best) ? other : best));
  const end = /[。！？.!?…]*\s*$/u.exec(text) as RegExpExecArray;
  const first = text.slice(0, mark.index);
  const second = text.slice(mark.index + mark[0].length, end.index);
  return second.trim() === "" ? undefined : `${second}${mark[0]}${first}${end[0]}`;
};
