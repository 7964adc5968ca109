import { CHINESE_WORDS, GIVEN_NAMES, SURNAMES, TRANSLITERATIONS } from "./chinese-words.js";
import { Trie } from "./trie.js";
import { readWords } from "./word-list.js";

/** Surnames that are as often ordinary words; they need two characters of a given name. */
const AMBIGUOUS_SURNAMES = new Set(
  "于程曾余夏田任方石白毛江史候万段钱易常武文查高水金单丰成时贝伏计宗华应幸容满全公年",
);
const SURNAME = new Set(SURNAMES);
const [FIRST, SECOND, ONLY] = GIVEN_NAMES.map((characters) => new Set(characters));
const TRANSLITERATION = new Set(TRANSLITERATIONS);
const NUMERALS = new Set("一二三四五六七八九十");
/** What makes a name of the surname before it. */
const FORMS_OF_ADDRESS = new Set([
  ...["先生", "女士", "小姐", "太太", "夫人", "老师", "教授", "医生", "大夫", "师傅", "经理", "总", "某", "某某"],
]);

/** What a word costs: a character that no dictionary knows costs UNKNOWN, a frequent word little. */
const UNKNOWN = 27;
/** Given names may be words; frequent words are none. */
const RARE = 11;
/** Characters from this frequency on are words of their own beside a surname, unless they are usual in given names. */
const FREQUENT_CHARACTER = 13;
/** Least characters of a foreign name that no dictionary knows. */
const LEAST_FOREIGN = 3;
/** Longer rows of Chinese characters are cut here. */
const LONGEST_RUN = 4096;

let words: Trie | undefined;

/** Values are the logarithm of the frequency plus 1; those of names are negative. */
function dictionary(): Trie {
  if (words === undefined) {
    const read = new Trie(CHINESE_WORDS.length);
    readWords(CHINESE_WORDS, /[a-zA-Z]/, (word, kind) => {
      const code = kind.charCodeAt(0);
      read.set(word, code >= 0x61 ? code - 0x60 : 0x40 - code);
    });
    words = read;
  }
  return words;
}

const costs = new Int32Array(LONGEST_RUN + 1);
const starts = new Int32Array(LONGEST_RUN + 1);

const isHan = (unit: number) => (unit >= 0x4e00 && unit <= 0x9fff) || (unit >= 0x3400 && unit <= 0x4dbf);

/** A word of a segmented row. */
interface Word {
  readonly text: string;
  /** Logarithm of the frequency plus 1, negative for a name; 0 where the dictionary does not have it. */
  readonly value: number;
}

/**
 * Adds the names among the Chinese words of a text to `into`: the words that two dictionaries call names of people,
 * places, organisations; surnames with a given name or a form of address. The text is cut into the likeliest words by
 * their frequencies, as jieba does, so "明天津贴" has no 天津. Intl.Segmenter would cut otherwise in each version of ICU.
 * @param text in the form that `normalise` gives
 */
export function takeChineseNames(text: string, into: Set<string>): void {
  for (let at = 0; at < text.length; at++) {
    if (!isHan(text.charCodeAt(at))) continue;
    let end = at + 1;
    while (end < text.length && end - at < LONGEST_RUN && isHan(text.charCodeAt(end))) end++;
    takeFromRun(segment(text.slice(at, end)), into);
    at = end - 1;
  }
}

/** The likeliest words of a row of Chinese characters, by a shortest path over all words of the dictionary. */
function segment(run: string): Word[] {
  const known = dictionary();
  const length = run.length;
  costs.fill(1e9, 1, length + 1);
  costs[0] = 0;
  for (let start = 0; start < length; start++) {
    const base = costs[start];
    let node = 0;
    for (let end = start; end < length; end++) {
      node = known.child(node, run.charCodeAt(end));
      const value = node === 0 ? 0 : known.value(node);
      if (value !== 0 || end === start) {
        const cost = base + UNKNOWN - Math.abs(value);
        if (cost < costs[end + 1]) {
          costs[end + 1] = cost;
          starts[end + 1] = start;
        }
      }
      if (node === 0) break;
    }
  }
  const found: Word[] = [];
  for (let end = length; end > 0; end = starts[end]) {
    const word = run.slice(starts[end], end);
    let node = 0;
    for (let at = 0; at < word.length; at++) node = known.child(node, word.charCodeAt(at));
    found.push({ text: word, value: node === 0 ? 0 : known.value(node) });
  }
  return found.reverse();
}

function takeFromRun(run: readonly Word[], into: Set<string>): void {
  for (let at = 0; at < run.length; at++) {
    const { text, value } = run[at];
    if (value < 0) {
      into.add(text);
      continue;
    }
    const foreign = foreignName(run, at);
    const given = foreign === 0 && SURNAME.has(text) ? givenName(text, run[at + 1], run[at + 2]) : undefined;
    if (foreign > 0) {
      into.add(
        run
          .slice(at, at + foreign)
          .map((word) => word.text)
          .join(""),
      );
      at += foreign - 1;
    } else if (given !== undefined) {
      into.add(text + given);
      at += given.length === 2 && run[at + 1].text.length === 1 ? 2 : 1;
    }
  }
}

/** How many single characters from a word on spell a foreign name; 0 for none. */
function foreignName(run: readonly Word[], start: number): number {
  let end = start;
  while (end < run.length && run[end].value >= 0 && TRANSLITERATION.has(run[end].text)) end++;
  return end - start >= LEAST_FOREIGN ? end - start : 0;
}

/** The given name after a surname, "" where a form of address follows; undefined where the surname is just a word. */
function givenName(surname: string, next: Word | undefined, afterNext: Word | undefined): string | undefined {
  if (next === undefined || next.value < 0) return undefined;
  if (FORMS_OF_ADDRESS.has(next.text)) return "";
  if (next.text.length > 2) return undefined;
  const [first, second] = next.text.length === 2 ? next.text : [next.text, afterNext?.text ?? ""];
  const inWord = next.text.length === 2;
  if ((!inWord || next.value < RARE) && FIRST.has(first) && SECOND.has(second)) return first + second;
  if (inWord || AMBIGUOUS_SURNAMES.has(surname) || NUMERALS.has(first)) return undefined;
  const isGiven = ({ text, value }: Word) => ONLY.has(text) || SECOND.has(text) || value < FREQUENT_CHARACTER;
  if (!isGiven(next)) return undefined;
  if (second.length === 1 && (first === second || isGiven(afterNext as Word))) return first + second;
  return ONLY.has(first) || next.value < RARE ? first : undefined;
}
