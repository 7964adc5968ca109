import { shiftDecimal } from "./decimal.js";

/** Words below twenty. */
const SMALL: ReadonlyMap<string, number> = new Map(
  (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
    "eighteen nineteen"
  )
    .split(" ")
    .map((word, value): [string, number] => [word, value]),
);
/** Words of tens. */
const TENS: ReadonlyMap<string, number> = new Map(
  "twenty thirty forty fifty sixty seventy eighty ninety"
    .split(" ")
    .map((word, at): [string, number] => [word, 10 * (at + 2)]),
);
/** Ordinals, counted as their number: "the second" is 2. */
const ORDINALS: ReadonlyMap<string, number> = new Map(
  "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
    .split(" ")
    .map((word, at): [string, number] => [word, at + 1]),
);
/** Scales as powers of ten. A dozen stays a word. */
const SCALES: ReadonlyMap<string, number> = new Map([
  ["hundred", 2],
  ["thousand", 3],
  ["million", 6],
  ["billion", 9],
]);
const MONTHS = "january february march april may june july august september october november december".split(" ");

// "One" as a pronoun and "second" as a time are no numbers; "second" is one after "the" or "twenty-".
const ONE =
  "(?<!\\b(?:no|any|every|some|this|that|which|each|the|another|only|same|new|old)[ -])one(?! another| day|'s|self)";
const SECOND = "(?:(?<=\\bthe )|(?<=y[ -]))second(?! hand)";
const WORD = [
  ...[...SMALL.keys(), ...TENS.keys(), ...ORDINALS.keys(), ...SCALES.keys()].filter(
    (word) => word !== "one" && word !== "second",
  ),
  ONE,
  SECOND,
].join("|");
/** A run of number words, joined by spaces, hyphens or "and". */
const RUN = new RegExp(`\\b(?:${WORD})\\b(?:[ -]+(?:and )?(?:${WORD})\\b)*`, "g");
/** Arabic digits before a scale. */
const SCALED = /(?<!\d)(\d+(?:,\d{3}){0,12}(?:\.\d+)?) ?(hundred|thousand|million|billion|k)\b/g;

const MONTH =
  "(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
const DAY = "(\\d{1,2})(?:st|nd|rd|th)?";
const YEAR = "(\\d{4})";
/** Dates with a month's name, as "May 2, 2024", "2 May 2024" and "May 2024"; the year may be missing beside a day. */
const MONTH_DAY = new RegExp(`\\b${MONTH}\\.? ${DAY}\\b(?:,? ${YEAR}\\b)?`, "g");
const DAY_MONTH = new RegExp(`\\b${DAY} (?:of )?${MONTH}\\b\\.?(?:,? ${YEAR}\\b)?`, "g");
const MONTH_YEAR = new RegExp(`\\b${MONTH}\\.?,? ${YEAR}\\b`, "g");

/**
 * Rewrites English number words in Arabic digits ("twenty-one", "two hundred and five", "3 million", "5k") and dates
 * with a month's name as 2024年1月2日 or 1月2日, the form in which `numerals` reads dates.
 * @param text in the form that `normalise` gives
 */
export function arabicFromEnglish(text: string): string {
  if (!/[a-z]/.test(text)) return text;
  return text
    .replace(SCALED, (_, digits: string, scale: string) =>
      shiftDecimal(digits.replaceAll(",", ""), SCALES.get(scale) ?? 3),
    )
    .replace(RUN, parseRun)
    .replace(MONTH_DAY, (_, month, day, year) => date(year, month, day))
    .replace(DAY_MONTH, (_, day, month, year) => date(year, month, day))
    .replace(MONTH_YEAR, (_, month, year) => `${year}年${monthNumber(month)}月`);
}

/** 1 to 12, by the first three letters of a month's name. */
function monthNumber(name: string): number {
  return MONTHS.findIndex((month) => month.startsWith(name.slice(0, 3))) + 1;
}

/** A date in Chinese form. */
function date(year: string | undefined, month: string, day: string): string {
  return `${year === undefined ? "" : `${year}年`}${monthNumber(month)}月${day}日`;
}

/** Parses a run of number words. Words that cannot form one number ("one two") give several, separated by spaces. */
function parseRun(run: string): string {
  const numbers: number[] = [];
  let total = 0;
  let section = 0;
  /**
   * The next word must be below this power of ten to belong to the number; 0 after a unit, infinite before any word.
   */
  let free = Number.POSITIVE_INFINITY;
  let open = false;
  for (const word of run.split(/[ -]+/)) {
    const scale = SCALES.get(word);
    if (scale !== undefined) {
      const power = 10 ** scale;
      if (scale === 2) section = (section || 1) * power;
      else {
        total += (section || 1) * power;
        section = 0;
      }
      free = power;
      open = true;
      continue;
    }
    const value = SMALL.get(word) ?? TENS.get(word) ?? ORDINALS.get(word);
    if (value === undefined) continue;
    if (open && value >= free) {
      numbers.push(total + section);
      total = 0;
      section = 0;
    }
    section += value;
    free = TENS.has(word) ? 10 : 0;
    open = true;
  }
  numbers.push(total + section);
  return numbers.join(" ");
}
