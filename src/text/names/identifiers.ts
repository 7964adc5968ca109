import { isEnglishWord } from "./english.js";

/** A kind of identifier: whatever the pattern finds, in its canonical form. */
interface Kind {
  /** Without this the text has none; tested once for all kinds that need the same. */
  readonly needs: RegExp;
  readonly pattern: RegExp;
  readonly canonical: (match: string) => string;
}

const AT = /@/;
const DOT = /\.[a-z\d]|:\/\//;
const DIGIT = /\d/;
const ANY = /[\d@/]|\.[a-z]/;

const same = (match: string) => match;
const compact = (match: string) => match.replace(/[^a-z\d]/g, "");

/**
 * Kinds in the order of search. Each removes its matches, so that the parts of an address are no names as well. Every
 * repetition is bounded or follows a look-behind, which keeps the search linear in hostile texts.
 */
const KINDS: readonly Kind[] = [
  { needs: AT, pattern: /(?<![\w.+-])[\w.+-]{1,64}@[a-z\d](?:[a-z\d.-]{0,250}[a-z\d])?/g, canonical: same },
  {
    needs: DOT,
    pattern: /(?:\b(?:https?|ftp):\/\/|\bwww\.)[\w.~:/?#[\]@!$&'()*+,;=%-]+/g,
    canonical: (match) =>
      match
        .replace(/^[a-z]+:\/\//, "")
        .replace(/^www\./, "")
        .replace(/[/.,;:!?)\]'#]+$/, ""),
  },
  {
    needs: DOT,
    pattern:
      /(?<![\w.-])(?:[a-z\d][a-z\d-]{0,40}\.){1,4}(?:com|org|net|edu|gov|cn|io|ai|co\.uk|de|fr|jp|eu)\b(?![\w.-])/g,
    canonical: same,
  },
  // Handles; then ISBN, telephone and order numbers.
  { needs: AT, pattern: /(?<![\w.+@-])@[a-z_]\w{1,30}/g, canonical: same },
  {
    needs: DIGIT,
    pattern: /(?<![a-z\d-])(?:isbn[-: ]{0,3})?\d(?:-?\d){7,40}(?:-?x)?(?![\w-])/g,
    canonical: longNumber,
  },
  {
    needs: DOT,
    pattern:
      /(?<![\w.-])\w[\w-]{0,80}(?:\.[\w-]{1,20}){0,3}\.(?:pdf|docx?|xlsx?|pptx?|txt|csv|tsv|json|jsonl|xml|ya?ml|md|html?|css|[cm]?js|tsx?|py|java|go|rs|cpp|sh|sql|exe|dll|apk|zip|rar|7z|gz|tar|iso|dmg|jpe?g|png|gif|svg|webp|mp3|mp4|avi|mkv|mov|wav|log|ini|cfg|parquet|arrow)(?![\w-]|\.\w)/g,
    canonical: same,
  },
  // Products whose number may stand apart: "iPhone 13 Pro", "RTX 4090".
  {
    needs: DIGIT,
    pattern:
      /\b(?:iphone|ipad|ipod|galaxy|xbox|playstation|macbook|thinkpad|kindle|android|ios|windows|boeing|airbus|mate|redmi|nova|magic|core|ryzen|geforce|model)[ -]?[a-z]?\d{1,4}(?:-\d{3})?[a-z]{0,3}(?:[ -]?(?:pro|max|plus|mini|ultra|air|lite|se)\b)*/g,
    canonical: compact,
  },
  { needs: DIGIT, pattern: /\b[a-z]{2,5} \d{3,5}[a-z]{0,3}\b/g, canonical: spacedCode },
  // Letters and digits in one word, hyphens allowed: RTX-4090, SKU-123-AB, s21, hashes.
  {
    needs: DIGIT,
    pattern: /(?<![a-z\d_.-])(?=[a-z\d_-]{0,40}\d)(?=[a-z\d_-]{0,40}[a-z])[a-z\d]+(?:[-_][a-z\d]+)*/g,
    canonical: code,
  },
];

/** "" where the digits are so few that they may be a date or an amount. */
function longNumber(match: string): string {
  const digits = compact(match);
  return digits.startsWith("isbn") || digits.length > 8 ? digits.replace("isbn", "") : "";
}

/** "" where the letters before the number are a word: "room 101". */
function spacedCode(match: string): string {
  return isEnglishWord(match.slice(0, match.indexOf(" "))) ? "" : compact(match);
}

/** "" where the word is a quantity ("20kg", "3rd", "5g") or a compound of a number and ordinary words ("20-year-old"). */
function code(match: string): string {
  if (/^\d+(?:[-_]?[a-z]+)+$/.test(match)) return "";
  if (/^[a-z]{3,}[-_]\d{1,2}$/.test(match)) return "";
  return compact(match);
}

/**
 * Adds the identifiers of a text to `into`.
 * @param text in the form that `normalise` gives
 * @returns the text without them
 */
export function takeIdentifiers(text: string, into: Set<string>): string {
  if (!ANY.test(text)) return text;
  const has = new Map([AT, DOT, DIGIT].map((needs) => [needs, needs.test(text)]));
  let rest = text;
  for (const { needs, pattern, canonical } of KINDS) {
    if (!has.get(needs)) continue;
    rest = rest.replace(pattern, (match) => {
      const form = canonical(match);
      if (form === "") return match;
      into.add(form);
      return " ";
    });
  }
  return rest;
}
