import { writeFileSync } from "node:fs";
import { englishWords } from "./names-en.js";
import { chineseWords, givenNames, surnames, transliterations } from "./names-zh.js";
import { readPackageFile } from "./package-file.js";

/** Words of the guard `names` by file of src/text/names. */
export type WordFiles = Readonly<Record<"english-words.ts" | "chinese-words.ts", string>>;

/**
 * Writes sorted words one after the other: the number of UTF-16 units shared with the word before (0 to 9), the rest of
 * the word, and its class.
 */
export function frontCoded(classes: ReadonlyMap<string, string>): string {
  let before = "";
  let coded = "";
  for (const [word, kind] of [...classes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    let shared = 0;
    while (shared < 9 && shared < word.length - 1 && word[shared] === before[shared]) shared++;
    coded += `${shared}${word.slice(shared)}${kind}`;
    before = word;
  }
  return coded;
}

/** The files with their words, made anew from the packages. */
export function makeNames(): WordFiles {
  const head = (from: string) => `// Made by test/make/names.ts from ${from}; not to be edited.\n`;
  return {
    "english-words.ts": `${head("dictionary-en 4.0.0, dictionary-en-gb 3.0.0 (SCOWL, MIT AND BSD) and simple-icons 16.37.0 (CC0)")}
/** Words of English, front-coded: the class is "+" of an ordinary word, "=" of a name, "&" of what may be either. */
export const ENGLISH_WORDS: string =
  "${frontCoded(englishWords())}";
`,
    "chinese-words.ts": `${head("@node-rs/jieba 2.0.3 (MIT) and segment 0.1.3 (MIT)")}
/**
 * Words of Chinese, front-coded: the class is the logarithm to base 2 of the frequency as a letter from a, a capital for
 * a name.
 */
export const CHINESE_WORDS: string =
  "${frontCoded(chineseWords())}";

/** Surnames of one character. */
export const SURNAMES =
  "${surnames()}";

/** Characters that foreign names are spelt with. */
export const TRANSLITERATIONS =
  "${transliterations()}";

/** Characters of given names: the first of two, the second of two, the only one. */
export const GIVEN_NAMES = [
${givenNames()
  .map((characters) => `  "${characters}",\n`)
  .join("")}] as const;
`,
  };
}

/** The licences of those whose words the files hold, as they ask for. */
export function makeNotice(): string {
  const scowl = readPackageFile("dictionary-en/license");
  const parts = {
    "src/text/names/english-words.ts is made from SCOWL, as dictionary-en 4.0.0 and dictionary-en-gb 3.0.0 have it, and from\nthe titles of simple-icons 16.37.0 (CC0-1.0)":
      scowl.slice(scowl.indexOf("COPYRIGHT, SOURCES")),
    "src/text/names/chinese-words.ts is made from the dictionary of jieba, (c) 2013 Sun Junyi, as @node-rs/jieba 2.0.3 has it":
      readPackageFile("@node-rs/jieba/LICENSE"),
    "and from that of segment 0.1.3": readPackageFile("segment/MIT-License"),
  };
  return Object.entries(parts)
    .map(([what, licence]) => `${what}:\n\n${licence.replace(/\r/g, "").trim()}\n`)
    .join("\n----\n\n");
}

// Run by hand: node dist/test/make/names.js
if (process.argv[1] === import.meta.filename) {
  for (const [file, text] of Object.entries(makeNames())) writeFileSync(`src/text/names/${file}`, text);
  writeFileSync("src/text/names/NOTICE", makeNotice());
}
