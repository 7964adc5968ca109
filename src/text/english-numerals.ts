import { shiftDecimal } from "./decimal.js";

const SMALL: ReadonlyMap<string, number> = new Map(
  (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen " +
    "eighteen nineteen"
  )
    .split(" ")
    .map((word, value): [string, number] => [word, value]),
);
const TENS: ReadonlyMap<string, number> = new Map(
  "twenty thirty forty fifty sixty seventy eighty ninety"
    .split(" ")
    .map((word, at): [string, number] => [word, 10 * (at + 2)]),
);
const ORDINALS: ReadonlyMap<string, number> = new Map(
  "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
    .split(" ")
    .map((word, at): [string, number] => [word, at + 1]),
);
/** Powers of ten; a dozen is left a word. */
const SCALES: ReadonlyMap<string, number> = new Map([
  ["hundred", 2],
  ["thousand", 3],
  ["million", 6],
  ["billion", 9],
]);
const MONTHS = "january february march april may june july august september october november december".split(" ");

// "One" that is a pronoun, and the second of a clock, count nothing.
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
const RUN = new RegExp(`\\b(?:${WORD})\\b(?:[ -]+(?:and )?(?:${WORD})\\b)*`, "g");
const SCALED = /(?<!\d)(\d+(?:,\d{3}){0,12}(?:\.\d+)?) ?(hundred|thousand|million|billion|k)\b/g;

const MONTH =
  "(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
const DAY = "(\\d{1,2})(?:st|nd|rd|th)?";
const YEAR = "(\\d{4})";
const MONTH_DAY = new RegExp(`\\b${MONTH}\\.? ${DAY}\\b(?:,? ${YEAR}\\b)?`, "g");
const DAY_MONTH = new RegExp(`\\b${DAY} (?:of )?${MONTH}\\b\\.?(?:,? ${YEAR}\\b)?`, "g");
const MONTH_YEAR = new RegExp(`\\b${MONTH}\\.?,? ${YEAR}\\b`, "g");

/**
 * The text with its English number words in Arabic digits ("twenty-one", "two hundred and five", "3 million", "5k"), and
 * dates with a month's name as 2024年1月2日 or 1月2日. Expects text under `normalise`.
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

function monthNumber(name: string): number {
  return MONTHS.findIndex((month) => month.startsWith(name.slice(0, 3))) + 1;
}

function date(year: string | undefined, month: string, day: string): string {
  return `${year === undefined ? "" : `${year}年`}${monthNumber(month)}月${day}日`;
}

/** One or more numbers: words that cannot be one number ("one two") stay apart. */
function parseRun(run: string): string {
  const numbers: number[] = [];
  let total = 0;
  let section = 0;
  /** Smallest power of ten that the number can no longer take; 0 where nothing has been read. */
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
