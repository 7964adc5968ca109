import { isStopWord } from "./stop-words.js";

/** Dictionary word boundaries for Chinese (and Japanese, Thai); other scripts by Unicode's rules. */
const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

const letter = /\p{L}/u;
const han = /\p{Script=Han}/u;

/** Most words that a phrase joins: a foreign name in Chinese comes as four single characters. */
const PHRASE_WORDS = 3;
const PHRASE_WORDS_HAN = 4;

/** Most characters of a Chinese phrase: names and compounds, not clauses. */
const PHRASE_HAN = 6;

/** One word of a text. */
interface Word {
  readonly text: string;
  readonly han: boolean;
}

/**
 * The distinct terms of a text in order of appearance: words and phrases of up to four neighbouring words, lower case and
 * in NFKC. A stop word, number, single letter or punctuation ends a phrase; single Chinese characters occur only inside
 * phrases. Chinese words join without a space, since the dictionary splits names and new words.
 */
export function termsOf(text: string): string[] {
  const terms = new Set<string>();
  const run: Word[] = [];
  let end = 0;
  for (const { segment, index, isWordLike } of segmenter.segment(text.normalize("NFKC").toLowerCase())) {
    if (segment === " ") continue;
    // A phrase does not cross what lies between its words, one space apart.
    if (index > end + 1) run.length = 0;
    const single = segment.length === 1 && !han.test(segment);
    if (!isWordLike || single || !letter.test(segment) || isStopWord(segment)) {
      run.length = 0;
      continue;
    }
    const word = { text: segment, han: han.test(segment) };
    if (run.length > 0 && run[run.length - 1].han !== word.han) run.length = 0;
    if (word.han && index > end) run.length = 0;
    end = index + segment.length;
    run.push(word);
    if (run.length > (word.han ? PHRASE_WORDS_HAN : PHRASE_WORDS)) run.shift();
    addTerms(run, terms);
  }
  return [...terms];
}

/** Adds the terms that end with the last word of a run. */
function addTerms(run: readonly Word[], terms: Set<string>): void {
  const last = run[run.length - 1];
  if (last.text.length > 1) terms.add(last.text);
  let phrase = last.text;
  for (let w = run.length - 2; w >= 0; w--) {
    phrase = last.han ? run[w].text + phrase : `${run[w].text} ${phrase}`;
    if (last.han && (phrase.length > PHRASE_HAN || isStopWord(phrase))) continue;
    terms.add(phrase);
  }
}

/** Whether a term lies inside another: as characters in a Chinese one, as whole words otherwise. */
export function liesWithin(term: string, other: string): boolean {
  if (term.length >= other.length) return false;
  return han.test(other) ? other.includes(term) : ` ${other} `.includes(` ${term} `);
}

/** Whether two terms are forms of one word or phrase: card and cards, activate and activation. Chinese has none. */
export function areForms(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (han.test(short)) return false;
  // A stem of four letters or more is seldom shared by chance; a shorter word must be whole, as card in cards.
  if (short.length >= 5) return long.startsWith(short.slice(0, -1));
  const endings = short.length === 4 ? /^(?:e?s|e?d|ing)$/ : /^e?s$/;
  return long.startsWith(short) && endings.test(long.slice(short.length));
}
