import { CHINESE_WORDS, GIVEN_NAMES, SURNAMES, TRANSLITERATIONS } from "./chinese-words.js";
import { Trie } from "./trie.js";
import { readWords } from "./word-list.js";

/** What a character may be, as bits. */
const HAN = 1;
const SURNAME = 2;
/** A surname that is as often an ordinary word; it needs two usual characters of a given name. */
const AMBIGUOUS = 4;
const GIVEN_FIRST = 8;
const GIVEN_SECOND = 16;
const GIVEN_ONLY = 32;
const TRANSLITERATION = 64;
const NUMERAL = 128;

/** Bits of each UTF-16 unit. */
const TRAITS = characterTraits();

function characterTraits(): Uint8Array {
  const traits = new Uint8Array(0x10000);
  traits.fill(HAN, 0x3400, 0x4dc0);
  traits.fill(HAN, 0x4e00, 0xa000);
  const [first, second, only] = GIVEN_NAMES;
  for (const [characters, bit] of [
    [SURNAMES, SURNAME],
    ["于程曾余夏田任方石白毛江史候万段钱易常武文查高水金单丰成时贝伏计宗华应幸容满全公年", AMBIGUOUS],
    [first, GIVEN_FIRST],
    [second, GIVEN_SECOND],
    [only, GIVEN_ONLY],
    [TRANSLITERATIONS, TRANSLITERATION],
    ["一二三四五六七八九十", NUMERAL],
  ] as const) {
    for (const character of characters) traits[character.charCodeAt(0)] |= bit;
  }
  return traits;
}

/** What makes a name of the surname before it. */
const FORMS_OF_ADDRESS = new Set([
  "先生",
  "女士",
  "小姐",
  "太太",
  "夫人",
  "老师",
  "教授",
  "医生",
  "大夫",
  "师傅",
  "经理",
  "总",
  "某",
  "某某",
]);

/** What a character that no dictionary knows costs; a frequent word costs little. */
const UNKNOWN = 27;
/** Given names may be words, but frequent words are none. */
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
    const read = new Trie(CHINESE_WORDS.replace(/[\da-zA-Z]/g, "").length);
    readWords(CHINESE_WORDS, /[a-zA-Z]/, (word, kind) => {
      const code = kind.charCodeAt(0);
      read.set(word, code >= 0x61 ? code - 0x60 : 0x40 - code);
    });
    words = read;
  }
  return words;
}

/** The cheapest way to each border of a row: its cost, where its last word starts, and the value of that word. */
const costs = new Int32Array(LONGEST_RUN + 1);
const starts = new Int32Array(LONGEST_RUN + 1);
const values = new Int8Array(LONGEST_RUN + 1);

/** The words of the row at hand: where they start and end in the text, and their values in the dictionary. */
const row = {
  count: 0,
  start: new Int32Array(LONGEST_RUN),
  end: new Int32Array(LONGEST_RUN),
  value: new Int8Array(LONGEST_RUN),
};

/**
 * Adds the names among the Chinese words of a text to `into`: the words that two dictionaries call names of people,
 * places, organisations; surnames with a given name or a form of address; foreign names as they are transliterated. The
 * text is cut into the likeliest words by their frequencies, as jieba does, so "明天津贴" has no 天津. Intl.Segmenter would
 * cut differently with each version of ICU.
 * @param text in the form that `normalise` gives
 */
export function takeChineseNames(text: string, into: Set<string>): void {
  for (let at = 0; at < text.length; at++) {
    if ((TRAITS[text.charCodeAt(at)] & HAN) === 0) continue;
    let end = at + 1;
    while (end < text.length && end - at < LONGEST_RUN && (TRAITS[text.charCodeAt(end)] & HAN) !== 0) end++;
    segment(text, at, end);
    takeFromRow(text, into);
    at = end - 1;
  }
}

/** Cuts a row of Chinese characters into its likeliest words, by a shortest path over all words of the dictionary. */
function segment(text: string, from: number, to: number): void {
  const known = dictionary();
  const length = to - from;
  costs.fill(0x7fffffff, 1, length + 1);
  for (let start = 0; start < length; start++) {
    const base = costs[start] + UNKNOWN;
    let node = 0;
    for (let end = start + 1; end <= length; end++) {
      node = known.child(node, text.charCodeAt(from + end - 1));
      const value = node === 0 ? 0 : known.value(node);
      if (value !== 0 || end === start + 1) {
        const cost = base - (value < 0 ? -value : value);
        if (cost < costs[end]) {
          costs[end] = cost;
          starts[end] = start;
          values[end] = value;
        }
      }
      if (node === 0) break;
    }
  }
  row.count = 0;
  for (let end = length; end > 0; end = starts[end]) row.count++;
  let at = row.count;
  for (let end = length; end > 0; end = starts[end]) {
    row.start[--at] = from + starts[end];
    row.end[at] = from + end;
    row.value[at] = values[end];
  }
}

function takeFromRow(text: string, into: Set<string>): void {
  for (let at = 0; at < row.count; ) {
    let words = 0;
    if (row.value[at] < 0) words = 1;
    else if (row.end[at] - row.start[at] === 1) {
      words = foreignName(text, at);
      if (words === 0 && (traitsOf(text, at) & SURNAME) !== 0) words = personalName(text, at);
    }
    if (words > 0) {
      const last = isAddress(text, at + words - 1) && words > 1 ? at + words - 2 : at + words - 1;
      into.add(text.slice(row.start[at], row.end[last]));
    }
    at += Math.max(1, words);
  }
}

/** Traits of a word of one character; 0 for longer words, for names, and where the row ends. */
function traitsOf(text: string, at: number): number {
  if (at >= row.count || row.end[at] - row.start[at] !== 1 || row.value[at] < 0) return 0;
  return TRAITS[text.charCodeAt(row.start[at])];
}

const isAddress = (text: string, at: number) =>
  at < row.count && FORMS_OF_ADDRESS.has(text.slice(row.start[at], row.end[at]));

/** How many single characters from a word on spell a foreign name; 0 for none. */
function foreignName(text: string, at: number): number {
  let end = at;
  while ((traitsOf(text, end) & TRANSLITERATION) !== 0) end++;
  return end - at >= LEAST_FOREIGN ? end - at : 0;
}

/** Whether a single character stands in given names, or is too rare to be a word here. */
const isGiven = (text: string, at: number) => {
  const traits = traitsOf(text, at);
  return traits !== 0 && ((traits & (GIVEN_ONLY | GIVEN_SECOND)) !== 0 || row.value[at] < FREQUENT_CHARACTER);
};

/** How many words from a surname on are a name, with a form of address after it; 0 where the surname is just a word. */
function personalName(text: string, at: number): number {
  const next = at + 1;
  if (next >= row.count || row.value[next] < 0) return 0;
  if (isAddress(text, next)) return 2;
  const length = row.end[next] - row.start[next];
  if (length > 2) return 0;
  const [first, second] = [row.start[next], row.start[next] + 1].map((unit) => TRAITS[text.charCodeAt(unit)]);
  const usual = (first & GIVEN_FIRST) !== 0 && (second & GIVEN_SECOND) !== 0;
  if (length === 2) return usual && row.value[next] < RARE ? 2 : 0;
  const pair = traitsOf(text, at + 2) !== 0;
  if (usual && pair) return 3;
  if ((traitsOf(text, at) & AMBIGUOUS) !== 0 || (first & NUMERAL) !== 0 || !isGiven(text, next)) return 0;
  const doubled = text[row.start[next]] === text[row.start[next] + 1];
  if (pair && (doubled || isGiven(text, at + 2))) return 3;
  return (first & GIVEN_ONLY) !== 0 || row.value[next] < RARE ? 2 : 0;
}
