import { below, type Random } from "../../random.js";
import { isChinese, replaceOne } from "./damage-kinds.js";
import type { Damage } from "./damage-pool.js";

/** Words that name a time; each list is one class, whose words replace each other. */
const TIMES: readonly (readonly string[])[] = [
  ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
  ["January", "February", "March", "April", "June", "July", "August", "September", "October", "November", "December"],
  ["today", "tomorrow", "yesterday"],
  ["周一", "周二", "周三", "周四", "周五", "周六", "周日"],
  ["星期一", "星期二", "星期三", "星期四", "星期五", "星期六", "星期天"],
  ["今天", "明天", "昨天", "后天"],
  ["今年", "去年", "明年"],
  ["上午", "下午", "晚上", "凌晨"],
  ["上月", "本月", "下月"],
];
const classOfTime = new Map(TIMES.flatMap((words) => words.map((word) => [word.toLowerCase(), words] as const)));
const TIME_WORD = TIMES.flat()
  .map((word) => (/\w/.test(word) ? `\\b${word}\\b` : word))
  .join("|");
/** Days, months and years in digits. */
const CALENDAR =
  "\\d{4}[-/.]\\d{1,2}[-/.]\\d{1,2}|\\d{1,2}月\\d{1,2}[日号]?|(?<!\\d)(?:19|20)\\d{2}(?!\\d)年?|\\d{1,2}月(?:份|底|初)?";
const DATE = new RegExp(`${CALENDAR}|${TIME_WORD}`, "giu");

/** A day, month, year or weekday replaced by another. */
export const dateChanged: Damage = (text, _pool, random) =>
  replaceOne(text, DATE, random, (match) => {
    const words = classOfTime.get(match.toLowerCase());
    if (words === undefined) return otherDate(match, random);
    const other = otherThan(
      words.map((word) => word.toLowerCase()),
      match.toLowerCase(),
      random,
    );
    return /^[A-Z]/.test(match) ? other.charAt(0).toUpperCase() + other.slice(1) : other;
  });

/** Changes the last number of a date to another day, month or year. */
function otherDate(date: string, random: Random): string {
  return date.replace(/\d+(?=\D*$)/, (digits) => {
    const value = Number(digits);
    if (digits.length === 4) return String(value + (random() < 0.5 ? -1 : 1) * (1 + below(random, 3)));
    const most = /\d月\d|[-/.]/.test(date) ? 28 : 12;
    const other = 1 + ((value + below(random, most - 1)) % most);
    return String(other === value ? (value % most) + 1 : other).padStart(digits.length, "0");
  });
}

function otherThan(list: readonly string[], word: string, random: Random): string {
  const others = list.filter((other) => other !== word);
  return others[below(random, others.length)];
}

const CHINESE_DIGITS = [..."一二三四五六七八九"];
const ENGLISH_NUMBERS = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty"];
/** Numbers in digits, Chinese numerals before a measure word, English number words. */
const NUMBER = new RegExp(
  "(?<![\\d.])\\d+(?:[.,]\\d+)*(?![年月\\d])|" +
    "(?<!第?[一二三四五六七八九十星期周])[一二三四五六七八九](?=[十百千万个元次名位岁台天块部条家只点倍度成号层米])|" +
    `\\b(?:${ENGLISH_NUMBERS.join("|")})\\b`,
  "giu",
);

/** One digit of a number, or a numeral, replaced by another. Numbers of dates are left to `dateChanged`. */
export const numberChanged: Damage = (text, _pool, random) => {
  const dates = [...text.matchAll(DATE)].map(({ 0: match, index }) => [index, index + match.length]);
  const matches = [...text.matchAll(NUMBER)].filter(
    ({ index }) => !dates.some(([start, end]) => index >= start && index < end),
  );
  if (matches.length === 0) return undefined;
  const { 0: match, index } = matches[below(random, matches.length)];
  return text.slice(0, index) + otherNumber(match, random) + text.slice(index + match.length);
};

function otherNumber(number: string, random: Random): string {
  if (CHINESE_DIGITS.includes(number)) return otherThan(CHINESE_DIGITS, number, random);
  if (!/\d/.test(number)) return otherThan(ENGLISH_NUMBERS, number.toLowerCase(), random);
  const places = [...number.matchAll(/\d/g)];
  const { index, 0: digit } = places[below(random, places.length)];
  // A number does not begin with a zero.
  const digits = [...(index === 0 ? "123456789" : "0123456789")];
  return number.slice(0, index) + otherThan(digits, digit, random) + number.slice(index + 1);
}

const CHINESE_NEGATIVE =
  /不(?=[能会是要可应该需想敢愿肯让再得好对行支同])|没有?(?=\p{Script=Han})|无法|并?未(?=\p{Script=Han})|别(?=[再去买说用])/gu;
const CHINESE_POSITIVE = /(?<![不没未无非])(?:能够|可以|应该|需要|愿意|同意|支持|喜欢|允许|能|会|是|要|有)(?![不没])/gu;
const ENGLISH_NEGATIVE =
  /(?<=\b(?:is|are|was|were|do|does|did|has|have|had|could|would|should|ca|must))n['’]t\b|(?<=\bcan)not\b|\bnot\s/giu;
const ENGLISH_POSITIVE =
  /\b(?:is|are|was|were|can|could|will|would|should|has|have|had|does|did|do|must|may|am)\b(?!n['’]|\s+not)/giu;

/** A negation taken out, else one put in. */
export const negated: Damage = (text, _pool, random) => {
  if (isChinese(text)) {
    const affirmed = replaceOne(text, CHINESE_NEGATIVE, random, (match) =>
      match === "无法" ? "能够" : match.startsWith("没有") ? "有" : match.endsWith("未") ? "已" : "",
    );
    return affirmed ?? replaceOne(text, CHINESE_POSITIVE, random, (match) => (match === "有" ? "没有" : `不${match}`));
  }
  const affirmed = replaceOne(text, ENGLISH_NEGATIVE, random, () => "");
  return (
    affirmed ??
    replaceOne(text, ENGLISH_POSITIVE, random, (match) => (/^can$/i.test(match) ? `${match}not` : `${match} not`))
  );
};
