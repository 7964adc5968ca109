import { isStopWord } from "./stop-words.js";

/** Finds words by dictionary in Chinese, Japanese and Thai, and by the rules of Unicode in other scripts. */
const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

const letter = /\p{L}/u;
const han = /\p{Script=Han}/u;

/** Most words in a phrase. The segmenter splits a foreign name in Chinese into single characters, so up to four. */
const PHRASE_WORDS = 3;
const PHRASE_WORDS_HAN = 4;

/** Most characters in a Chinese phrase: enough for names and compounds, too few for clauses. */
const PHRASE_HAN = 6;

/** One word of a text. */
interface Word {
  readonly text: string;
  readonly han: boolean;
}

/**
 * Lists the distinct terms of a text in order of appearance: words and phrases of neighbouring words, in lower case and
 * NFKC. Stop words, numbers, single letters and punctuation end a phrase. A single Chinese character occurs only inside
 * a phrase. Chinese words join without a space, since the dictionary splits names and new words.
 */
export function termsOf(text: string): string[] {
  const terms = new Set<string>();
  const run: Word[] = [];
  let end = 0;
  for (const { segment, index, isWordLike } of segmenter.segment(text.normalize("NFKC").toLowerCase())) {
    if (segment === " ") continue;
    // A phrase continues only over a single space.
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

/** True where a term lies inside another term: as characters in a Chinese term, as whole words in others. */
export function liesWithin(term: string, other: string): boolean {
  if (term.length >= other.length) return false;
  return han.test(other) ? other.includes(term) : ` ${other} `.includes(` ${term} `);
}

/** True where two terms are forms of one word or phrase: card and cards, activate and activation. Not in Chinese. */
export function areForms(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (han.test(short)) return false;
  // A shared stem of four letters or more is seldom chance; a shorter word must be whole, as card in cards.
  if (short.length >= 5) return long.startsWith(short.slice(0, -1));
  const endings = short.length === 4 ? /^(?:e?s|e?d|ing)$/ : /^e?s$/;
  return long.startsWith(short) && endings.test(long.slice(short.length));
}
