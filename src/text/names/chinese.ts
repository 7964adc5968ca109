import { CHINESE_WORDS, GIVEN_NAMES, SURNAMES } from "./chinese-words.js";
import { Trie } from "./trie.js";
import { readWords } from "./word-list.js";

/** Surnames that are as often ordinary words; they need two characters of a given name. */
const AMBIGUOUS_SURNAMES = new Set(
  "于程曾余夏田任方石白毛江史候万段钱易常武文查高水金单丰成时贝伏计宗华应幸容满全公年",
);
const SURNAME = new Set(SURNAMES);
const [FIRST, SECOND, ONLY] = GIVEN_NAMES.map((characters) => new Set(characters));
const NUMERALS = new Set("一二三四五六七八九十");
/** What makes a name of the surname before it. */
const FORMS_OF_ADDRESS = new Set([
  ...["先生", "女士", "小姐", "太太", "夫人", "老师", "教授", "医生", "大夫", "师傅", "经理", "总", "某", "某某"],
]);

/** What a word costs: a character that no dictionary knows costs UNKNOWN, a frequent word little. */
const UNKNOWN = 27;
/** Given names may be words; frequent words are none. */
const RARE = 11;
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
    if (value < 0) into.add(text);
    else if (SURNAME.has(text)) {
      const given = givenName(text, run[at + 1], run[at + 2]);
      if (given === undefined) continue;
      into.add(text + given);
      at += given.length === run[at + 1]?.text.length ? 1 : given.length;
    }
  }
}

/** The given name after a surname, "" where a form of address follows; undefined where the surname is just a word. */
function givenName(surname: string, next: Word | undefined, afterNext: Word | undefined): string | undefined {
  if (next === undefined) return undefined;
  if (FORMS_OF_ADDRESS.has(next.text)) return "";
  const [first, second] = next.text.length === 2 ? next.text : [next.text, afterNext?.text ?? ""];
  if (next.value >= 0 && (next.text.length === 1 || next.value < RARE) && FIRST.has(first) && SECOND.has(second))
    return first + second;
  if (AMBIGUOUS_SURNAMES.has(surname) || NUMERALS.has(next.text) || !ONLY.has(next.text)) return undefined;
  return next.text;
}
