import { arabicFromChinese } from "./chinese-numerals.js";
import { shiftDecimal } from "./decimal.js";
import { arabicFromEnglish } from "./english-numerals.js";

/** A text without any of these has no numeral: digits of any script, Chinese numerals, letters of a number word. */
const MAY_COUNT = /[\p{Nd}a-z〇零一二三四五六七八九十兩两俩仨廿卅百壹贰貳叁參肆伍陆陸柒捌玖拾]/u;
const OTHER_DIGIT = /(?![0-9])\p{Nd}/gu;

/**
 * A kind of numeral in Arabic digits. `canonical` maps the groups of a match to its form, or to null if it is no such
 * numeral.
 */
interface Kind {
  readonly pattern: RegExp;
  readonly canonical: (...groups: (string | undefined)[]) => string | null;
}

/**
 * A number, plain or with thousands separators. Look-behind and bound keep the search linear in long rows of digits.
 */
const NUMBER = "(?<!\\d)(\\d{1,3}(?:,\\d{3}){1,12}(?:\\.\\d+)?(?!\\d)|\\d+(?:\\.\\d+)?)";

/**
 * Kinds in the order of search. Each removes its matches from the text, so the digits of a date are not numbers as
 * well.
 */
const KINDS: readonly Kind[] = [
  {
    pattern: /(?<!\d)(\d{4}) ?(?:年|[-/.]) ?(\d{1,2}) ?(?:月|[-/.]) ?(\d{1,2})(?: ?[日号])?(?!\d|\.\d)/g,
    canonical: calendarDay,
  },
  { pattern: /(?<!\d)(\d{4}) ?年 ?(\d{1,2}) ?月/g, canonical: (year, month) => calendarDay(year, month) },
  { pattern: /(?<!\d)(\d{4})[-/](0[1-9]|1[0-2])(?![-/.\d])/g, canonical: (year, month) => calendarDay(year, month) },
  {
    pattern: /(?<!\d)(\d{1,2}) ?月 ?(\d{1,2}) ?[日号]/g,
    canonical: (month, day) => calendarDay("", month, day),
  },
  // A version keeps its zeros, since 1.10 comes after 1.9. Only a final ".0" of two parts is dropped.
  { pattern: /(?<![\d.])v?(\d+(?:\.\d+){2,})(?!\d)/g, canonical: (version) => version as string },
  {
    pattern: /(?:\bv|版本 ?v?|\bversion v?|\bver\.? ?)(\d+\.\d+)(?!\d)/g,
    canonical: (version) => (version as string).replace(/\.0$/, ""),
  },
  // 08:30, 8点半, 下午3点20分, 8:30 pm; then 3 pm.
  {
    pattern:
      /(?:(下午|晚上|傍晚|夜里|今晚|明晚) ?)?(?<![\d:.])(\d{1,2}) ?(?::([0-5]\d)(?![\d:])|[点时] ?(?:(半)|过?([13])刻|([0-5]?\d)分?(?!\d))?)(?: ?([ap])\.?m\b\.?)?/g,
    canonical: (late, hour, minutes, half, quarter, spoken, meridiem) =>
      timeOfDay(hour, minutes ?? (half && "30") ?? (quarter && String(15 * Number(quarter))) ?? spoken, late, meridiem),
  },
  {
    pattern: /(?<!\d)(\d{1,2}) ?([ap])\.?m\b\.?/g,
    canonical: (hour, meridiem) => timeOfDay(hour, "0", undefined, meridiem),
  },
  {
    pattern: new RegExp(`((?<![\\d%])-|负)?${NUMBER} ?(%|‰|percent\\b|per cent\\b)`, "g"),
    canonical: (sign, digits, unit) => `${signed(sign, digits)}${unit === "‰" ? "‰" : "%"}`,
  },
  // Scores, ratios, fractions, clock times to the second: the order of their parts matters.
  {
    pattern: /(?<!\d)(\d+(?:[:/⁄]\d+)+)/g,
    canonical: (parts) => (parts as string).replaceAll("⁄", "/").replace(/\b0+(?=\d)/g, ""),
  },
  { pattern: new RegExp(`((?<!\\d)-(?=[\\d.]+ ?(?:度|°))|负)?${NUMBER}`, "g"), canonical: signed },
];

/**
 * Canonical forms of the numerals of a text, kind by kind: "1000" for 1,000, 一千 and "one thousand"; "1.5", "5%", "1/3",
 * "2024-1-2", "--1-2" for a day without a year, "8:30", "1.2.3" for a version. Digits of every script count, Roman
 * numerals do not. Forms are strings, so no length loses digits. `normalise` has turned "、" into a comma, so "100、200"
 * reads as 100,200.
 * @param text in the form that `normalise` gives
 */
export function numerals(text: string): string[] {
  const found: string[] = [];
  if (!MAY_COUNT.test(text)) return found;
  let rest = arabicFromEnglish(arabicFromChinese(text.replace(OTHER_DIGIT, digitValue)));
  for (const { pattern, canonical } of KINDS) {
    rest = rest.replace(pattern, (match: string, ...groups: (string | undefined)[]) => {
      const form = canonical(...groups);
      if (form === null) return match;
      found.push(form);
      return " ";
    });
  }
  return found;
}

/** Value of a digit of any script. Unicode lists the ten digits in a row, and after NFKC no two such rows touch. */
function digitValue(digit: string): string {
  const code = digit.codePointAt(0) as number;
  let value = 0;
  while (/\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}

/** A number without separators and superfluous zeros. */
function plain(digits: string | undefined): string {
  return shiftDecimal((digits as string).replaceAll(",", ""), 0);
}

function signed(sign: string | undefined, digits: string | undefined): string {
  const form = plain(digits);
  return sign && form !== "0" ? `-${form}` : form;
}

/** "2024-1-2"; "--1-2" without a year, "2024-1" without a day; null where there is no such month or day. */
function calendarDay(year?: string, month?: string, day?: string): string | null {
  const monthNumber = Number(month);
  if (monthNumber < 1 || monthNumber > 12) return null;
  if (day === undefined) return `${year}-${monthNumber}`;
  const dayNumber = Number(day);
  if (dayNumber < 1 || dayNumber > 31) return null;
  return `${year === "" ? "-" : year}-${monthNumber}-${dayNumber}`;
}

/**
 * "8:30", or "8" on the hour; on the 24-hour clock if the text names the half of the day; null where no such hour
 * exists.
 */
function timeOfDay(hour?: string, minutes?: string, late?: string, meridiem?: string): string | null {
  let hours = Number(hour);
  if (hours > 24) return null;
  if ((late !== undefined || meridiem === "p") && hours < 12) hours += 12;
  if (meridiem === "a" && hours === 12) hours = 0;
  const rest = Number(minutes ?? 0);
  return rest === 0 ? String(hours) : `${hours}:${String(rest).padStart(2, "0")}`;
}
