import { shiftDecimal } from "./decimal.js";

/** Values of the digits. */
const DIGITS: ReadonlyMap<string, number> = new Map(
  Array.from("零一二三四五六七八九", (digit, value): [string, number] => [digit, value]),
);
/** Each unit stands for ten to this power. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ["十", 1],
  ["百", 2],
  ["千", 3],
  ["万", 4],
  ["亿", 8],
]);

/**
 * Other spellings: traditional, spoken, one character for twenty or thirty, and financial ones that are unmistakable.
 */
const SPELLINGS: ReadonlyMap<string, string> = new Map([
  ...pairs("〇兩两俩仨廿卅萬億", ["零", "二", "二", "二", "三", "二十", "三十", "万", "亿"]),
  ...pairs("壹贰貳叁參肆", ["一", "二", "二", "三", "三", "四"]),
]);
const SPELLING = new RegExp(`[${[...SPELLINGS.keys()].join("")}]`, "g");
/**
 * Financial digits that mean something else alone (伍 and 陆 are surnames, 拾 a verb) count only beside another numeral.
 */
const FINANCIAL_RUN = /[零一二三四伍五陆陸六柒七捌八玖九拾十佰百仟千万亿]{2,}/g;
const FINANCIAL: ReadonlyMap<string, string> = new Map(pairs("伍陆陸柒捌玖拾佰仟", [..."五六六七八九十百千"]));
const FINANCIAL_CHARACTER = /[伍陆陸柒捌玖拾佰仟]/g;

function pairs(from: string, to: readonly string[]): [string, string][] {
  return Array.from(from, (character, at): [string, string] => [character, to[at]]);
}

/** Characters of a numeral, as part of a character class. */
const NUMERAL = "零一二三四五六七八九十百千万亿\\d";

/**
 * Words whose numeral counts nothing; they become a space. The list is short on purpose: a word that is missing here
 * only keeps apart two texts of which one has the word, so the list holds fillers and adverbs that near-duplicates gain
 * and lose. A word counts as fixed only where no numeral, ordinal or week day runs into it ("第一下", "周一下午", "八十分").
 */
const FIXED_WORDS = new RegExp(
  `(?<![${NUMERAL}第周期拜])(?:${[
    // Adverbs, pronouns and fillers with 一.
    "一[下些样樣起般半直定旦边邊切面时向律再致味概共同带会會阵番贯连并体流举经旁生一]",
    "一块儿|一系列|一方面|一口气|一如既往|一清二楚|一干二净|一五一十|一心一意|一模一样|一来二去",
    // "A bit", unless a clock reading continues after it.
    `(?<![午上晨])一点(?![钟鐘半整刻${NUMERAL}])`,
    "万一|[统統唯惟逐单單同任专归不如划其]一|(?<!分)之一",
    // "Very", unless minutes, points or a fraction are meant.
    "(?<![点时打满])十分(?![钟鐘之])|十足|十全十美|十字路口",
    "二手|二维码|独一无二|说一不二|接二连三|三心二意|三番[五两]次|再三|三思|三更半夜|朝三暮四|丢三落四|不三不四",
    "四面八方|四处|四周|五花八门|七上八下|乱七八糟|横七竖八|零[食售件钱散碎星花用距配]|陆陆续续|[张張]三|李四",
  ].join("|")})`,
  "g",
);

/**
 * A numeral in Chinese digits or units, with Arabic digits among them ("3万5千"). The 千 of 千克, a kilogram, is no unit.
 */
const RUN = /(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|[零一二三四五六七八九十百万亿]|千(?![克米瓦卡赫帕伏]))+/g;
/** A part of a numeral: an Arabic number or one character. */
const RUN_PART = /\d[\d,]*(?:\.\d+)?|./g;
const CHINESE = /[零一二三四五六七八九十百千万亿]/;
/** "Three point one four": digits after 点, unless a unit, a minute or a quarter follows. */
const POINT =
  /([零一二三四五六七八九十百]{1,12})点([零一二三四五六七八九]{1,12})(?![零一二三四五六七八九十百千分刻个\d])/g;

/**
 * Rewrites the Chinese numerals of a text in Arabic digits: "百分之五" becomes "5%", "三分之一" becomes "1/3". Fixed words with
 * a numeral become a space. Units without a digit ("千万", "百度") are words and stay.
 * @param text in the form that `normalise` gives
 */
export function arabicFromChinese(text: string): string {
  const simple = text
    .replace(SPELLING, (character) => SPELLINGS.get(character) as string)
    .replace(FINANCIAL_RUN, (run) =>
      run.replace(FINANCIAL_CHARACTER, (character) => FINANCIAL.get(character) as string),
    );
  if (!CHINESE.test(simple)) return simple;
  return (
    simple
      .replaceAll("零下", "负")
      .replace(FIXED_WORDS, " ")
      // "Some thousands" is a numeral of its own: "几千一件" does not contain 1,100.
      .replace(/[几幾数數][十百千万亿]+/g, "$& ")
      .replace(/百分(?:之)?百/g, "100%")
      .replace(POINT, (_, whole, fraction) => `${parseRun(whole)}.${positional(fraction)}`)
      .replace(RUN, (run) => (CHINESE.test(run) ? parseRun(run) : run))
      .replace(/百分之(\d+(?:\.\d+)?)/g, "$1%")
      .replace(/千分之(\d+(?:\.\d+)?)/g, "$1‰")
      .replace(/(\d{1,24})分之(\d{1,24})/g, "$2/$1")
  );
}

/** Arabic digits for digits read one by one, as in "二零二四" or "三5". */
function positional(run: string): string {
  return run.replace(/[零一二三四五六七八九]/g, (digit) => String(DIGITS.get(digit)));
}

/** Longer runs are rewritten digit by digit, so that the sums stay short whatever the text. */
const LONGEST_RUN = 48;

/**
 * Parses a run of digits and units to a decimal number. A run that holds several numbers gives each, separated by
 * spaces; a run of units without any digit comes back unchanged.
 *
 *     3亿1200万零五十 -> 3·10^8 + 1200·10^4 + 5·10 = 312000050
 *
 * `section` collects 十, 百 and 千 up to the next 万 or 亿, and `total` holds what is complete.
 */
function parseRun(run: string): string {
  if (run.length > LONGEST_RUN) return positional(run);
  const parts = run.replaceAll(",", "").match(RUN_PART) as string[];
  const end = parts.findIndex(
    (part, at) => at > 0 && isDigits(part) && isDigits(parts[at - 1]) && /\./.test(parts[at - 1] + part),
  );
  if (end > 0) return `${parseRun(parts.slice(0, end).join(""))} ${parseRun(parts.slice(end).join(""))}`;
  if (!parts.some((part) => UNITS.has(part))) return positional(parts.join(""));
  if (parts.every((part) => UNITS.has(part) && part !== "十")) return run;
  // The sums are whole numbers scaled by 10^scale, since a fraction may stand before a unit ("1.5亿").
  const scale = Math.max(...parts.map((part) => part.split(".")[1]?.length ?? 0));
  let total = 0n;
  let section = 0n;
  let digits: string | null = null;
  let lastPower = 0;
  let gap = false;
  for (const part of parts) {
    const power = UNITS.get(part);
    if (power === undefined) {
      if (part === "零") gap = true;
      digits = (digits ?? "") + positional(part);
      continue;
    }
    // A unit without a digit counts once: "十二" is 12.
    const value = digits === null ? null : scaled(digits, scale);
    if (power < 4) {
      section += (value ?? scaled("1", scale)) * 10n ** BigInt(power);
    } else {
      const below = section + (value ?? 0n);
      total = power === 8 ? (total + below) * 10n ** 8n : total + below * 10n ** 4n;
      section = 0n;
    }
    digits = null;
    gap = false;
    lastPower = power;
  }
  let rest = digits === null ? 0n : scaled(digits, scale);
  // A last digit without a unit, and without 零 before it, stands one power lower: "两百五" is 250, "一万二" is 12,000.
  if (digits?.length === 1 && !gap && lastPower > 1) rest *= 10n ** BigInt(lastPower - 1);
  return shiftDecimal(String(total + section + rest), -scale);
}

/** True for digits, Arabic or Chinese; false for a unit. */
function isDigits(part: string): boolean {
  return !UNITS.has(part);
}

/** A decimal number times 10^scale as a whole number; `scale` is at least the number of its decimals. */
function scaled(digits: string, scale: number): bigint {
  return BigInt(shiftDecimal(digits, scale));
}
