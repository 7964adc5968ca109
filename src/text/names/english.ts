import { ENGLISH_WORDS } from "./english-words.js";
import { readWords } from "./word-list.js";

/** What a word of a text counts as: an ordinary word, a name, or what may be either ("bill", "rose"). */
type Kind = "+" | "=" | "&";

const WORD = /[a-z\u00df-\u00f6\u00f8-\u024f]{2,}/g;
const FOREIGN = /[^a-z]/;
const LETTERS = Array.from("abcdefghijklmnopqrstuvwxyz");
/** A word after one of these is a name, even if it may be an ordinary one: "mr brown". */
const FORMS_OF_ADDRESS = new Set(["mr", "mrs", "ms", "dr", "prof", "sen", "rep", "gov", "sgt", "capt", "lt", "sir"]);

/** Longer words are no names that anyone would spell right. */
const LONGEST = 24;
/** Least letters of an unknown word that counts as a name in an English text, and of a name whose typos are mended. */
const LEAST = 4;
const LEAST_MENDED = 6;

let kinds: Map<string, Kind> | undefined;

function wordKinds(): Map<string, Kind> {
  if (kinds === undefined) {
    const read = new Map<string, Kind>();
    readWords(ENGLISH_WORDS, /[+=&]/, (word, kind) => read.set(word, kind as Kind));
    kinds = read;
  }
  return kinds;
}

/** Words for the people and the language of a country, which texts exchange for its name. */
const COUNTRIES = new Map(
  Object.entries({
    argentina: "argentine argentinian",
    belgium: "belgian",
    brazil: "brazilian",
    britain: "british uk briton",
    canada: "canadian",
    china: "chinese",
    cyprus: "cypriot",
    czechia: "czech",
    denmark: "danish dane",
    egypt: "egyptian",
    europe: "european eu",
    finland: "finnish finn",
    france: "french frenchman",
    greece: "greek",
    hungary: "hungarian",
    iceland: "icelandic",
    iran: "iranian",
    iraq: "iraqi",
    ireland: "irish",
    israel: "israeli",
    italy: "italian",
    japan: "japanese",
    jordan: "jordanian",
    lebanon: "lebanese",
    mexico: "mexican",
    netherlands: "dutch",
    norway: "norwegian",
    pakistan: "pakistani",
    palestine: "palestinian",
    peru: "peruvian",
    philippines: "philippine filipino",
    poland: "polish",
    portugal: "portuguese",
    scotland: "scottish",
    spain: "spanish spaniard",
    sudan: "sudanese",
    sweden: "swedish swede",
    switzerland: "swiss",
    taiwan: "taiwanese",
    thailand: "thai",
    turkey: "turkish turk",
    ukraine: "ukrainian",
    vietnam: "vietnamese",
    wales: "welsh",
    yemen: "yemeni",
    afghanistan: "afghan",
  }).flatMap(([name, others]) => others.split(" ").map((other): [string, string] => [other, name])),
);

/** The country whose people a word means ("syrian", "russian"), else the word. */
function country(word: string, known: ReadonlyMap<string, Kind>): string {
  const name = COUNTRIES.get(word);
  if (name !== undefined) return name;
  return word.length > 5 && word.endsWith("an") && known.get(word.slice(0, -1)) === "=" ? word.slice(0, -1) : word;
}

/** What unknown words turned out to be; emptied when it is full, since most texts repeat theirs. */
const judged = new Map<string, string>();
const MOST_JUDGED = 50_000;
/** V8 keeps a longer word as a slice, which would hold its whole text in memory. */
const LONGEST_JUDGED = 12;

/**
 * Adds the names among the Latin words of a text to `into`: words that English spells with a capital only, and words that
 * English does not know. Capitals are gone from the normal form, and with good reason: "Reset My Password" names nobody,
 * and a name must not depend on who typed it. A word in the dictionary under both spellings ("rose", "bill") is a name
 * only after "mr" and the like.
 *
 * Unknown words count where the text is English for the most part or Chinese; in a German text every word would. In
 * English a word one letter away from an ordinary word is a typo of it, and one of six letters and more that is one letter
 * away from a name, though not in its first, is that name.
 * @param text in the form that `normalise` gives
 * @param chinese whether the text has Chinese characters; then each Latin word that English does not know is a name
 */
export function takeEnglishNames(text: string, chinese: boolean, into: Set<string>): void {
  const words = text.match(WORD);
  if (words === null) return;
  const known = wordKinds();
  const unknown: string[] = [];
  let ordinary = 0;
  let before = "";
  for (const found of words) {
    const word = FOREIGN.test(found) ? found.normalize("NFD").replace(/[^a-z]/g, "") : found;
    const kind = known.get(word);
    if (kind === "=") into.add(country(word, known));
    else if (kind === "&" && FORMS_OF_ADDRESS.has(before)) into.add(word);
    else if (kind !== undefined) ordinary++;
    else if (word.endsWith("s") && known.get(word.slice(0, -1)) === "=") into.add(country(word.slice(0, -1), known));
    else if (word.length <= LONGEST && (chinese || word.length >= LEAST)) unknown.push(word);
    before = word;
  }
  if (!chinese && 2 * ordinary < words.length) return;
  for (const word of unknown) {
    const name = chinese ? word : nameOf(word, known);
    if (name !== "") into.add(name);
  }
}

/** The name that an unknown word of an English text is or misspells; "" for none. */
function nameOf(word: string, known: ReadonlyMap<string, Kind>): string {
  let name = judged.get(word);
  if (name === undefined) {
    name = mended(word, known);
    if (name === word && isCompound(word, known)) name = "";
    name = country(name, known);
    if (judged.size >= MOST_JUDGED) judged.clear();
    if (word.length <= LONGEST_JUDGED) judged.set(word, name);
  }
  return name;
}

/** Least letters of a part of a compound, but for prefixes. */
const LEAST_PART = 4;
const PREFIX = /^(?:anti|co|ex|far|inter|mid|multi|non|out|over|post|pre|pro|re|self|semi|sub|super|un|well)/;

/** Whether the word is two words in one, such as "healthcare" or, without its hyphen, "farright". */
function isCompound(word: string, known: ReadonlyMap<string, Kind>): boolean {
  const isWord = (part: string) => known.get(part) === "+" || known.get(part) === "&";
  const rest = word.replace(PREFIX, "");
  if (rest !== word && rest.length >= LEAST_PART && isWord(rest)) return true;
  for (let cut = LEAST_PART; cut <= word.length - LEAST_PART; cut++) {
    if (isWord(word.slice(0, cut)) && isWord(word.slice(cut))) return true;
  }
  return false;
}

/**
 * "" where an ordinary word lies one letter away (inserted, left out, another one, or two in the other order), the name
 * where exactly one with the same first letter lies there, else the word itself.
 */
function mended(word: string, known: ReadonlyMap<string, Kind>): string {
  const names = new Set<string>();
  const isOrdinary = (spelling: string) => {
    const kind = known.get(spelling);
    if (kind === "=" && spelling[0] === word[0]) names.add(spelling);
    return kind === "+" || kind === "&";
  };
  for (let at = 0; at <= word.length; at++) {
    const [head, tail] = [word.slice(0, at), word.slice(at)];
    if (tail !== "" && isOrdinary(head + tail.slice(1))) return "";
    if (tail.length > 1 && isOrdinary(head + tail[1] + tail[0] + tail.slice(2))) return "";
    for (const letter of LETTERS) {
      if (isOrdinary(head + letter + tail) || (tail !== "" && isOrdinary(head + letter + tail.slice(1)))) return "";
    }
  }
  if (names.size !== 1 || word.length < LEAST_MENDED) return word;
  const [name] = names;
  return name;
}

/** Whether English knows a word, be it as a name. @param word in lower case */
export function isEnglishWord(word: string): boolean {
  return wordKinds().has(word);
}
