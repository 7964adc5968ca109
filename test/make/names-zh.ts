import { createRequire } from "node:module";
import { readPackageFile } from "./package-file.js";

const PROPER = new Set(["nr", "nrt", "nrfg", "ns", "nt", "nz"]);
/** Flags of people, places, organisations and other names in the dictionary of segment. */
const PROPER_FLAGS = 0x80 | 0x40 | 0x20 | 0x08;
const PERSON_FLAG = 0x80;

const HAN = /^\p{sc=Han}{1,8}$/u;
/** Endings that make a longer word of jieba's a place. */
const PLACE = /[省市县區区州镇乡]$/;

/** Least frequency of an ordinary word: rarer ones decide no borders. */
const LEAST = 60;

/** What both dictionaries call a name, though it is none. */
const NO_NAMES = new Set(
  `师范 博客 德军 白宫 马来 宁静 柴禾 艾叶 舍人 令牌 海哩 中庭 中美 英文 英语 法语 德语 日语 和田 联苯 硅烷 该线 格状 锡罐 锡器 焙粉 大厨 大乘 女真
  解套 足弓 磷酸 硅酸 抑制剂 耐高温 热辐射 聊天室 青春痘 颗粒状 不饱和 测距仪 师兄弟 尼姑庵 安全检查 安全措施 广播电视 康复中心 儿科学 城镇人口 改革开放
  世界纪录 电视广播 神农溪 达摩 玉皇大帝 美国之音 和和气气 西王 黄石 师兄`.split(/\s+/),
);

interface Entry {
  readonly frequency: number;
  readonly tag: string;
}

function jieba(): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const line of readPackageFile("@node-rs/jieba/dict.txt").split("\n")) {
    const [word, frequency, tag] = line.trim().split(" ");
    if (tag !== undefined && HAN.test(word)) entries.set(word, { frequency: Number(frequency), tag });
  }
  return entries;
}

function segment(): Map<string, number> {
  const flags = new Map<string, number>();
  for (const file of ["dict", "dict2", "names"]) {
    for (const line of readPackageFile(`segment/dicts/${file}.txt`).split(/\r?\n/)) {
      const [word, flag] = line.split("|");
      if (flag !== undefined && HAN.test(word)) flags.set(word, Number(flag));
    }
  }
  return flags;
}

const letter = (frequency: number, first: string) =>
  String.fromCharCode(first.charCodeAt(0) + Math.min(25, Math.floor(Math.log2(Math.max(1, frequency)))));

/**
 * Class of every Chinese word: names where both dictionaries agree on one, since either alone calls thousands of ordinary
 * words names; the ordinary words that decide where a name begins and ends; single characters.
 */
export function chineseWords(): Map<string, string> {
  const flags = segment();
  const classes = new Map<string, string>();
  const entries = jieba();
  for (const [word, { frequency, tag }] of entries) {
    const proper = PROPER.has(tag);
    const flag = flags.get(word) ?? 0;
    const agreed = proper && flag !== 0 && (flag & ~PROPER_FLAGS) === 0;
    const place = tag === "ns" && word.length >= 3 && PLACE.test(word);
    if (word.length > 1 && (agreed || place) && !NO_NAMES.has(word)) classes.set(word, letter(frequency, "A"));
    else if (word.length === 1 || frequency >= LEAST) classes.set(word, letter(frequency, "a"));
  }
  for (const [word, flag] of flags) {
    if (flag === PERSON_FLAG && word.length >= 3 && !entries.has(word)) classes.set(word, letter(16, "A"));
  }
  return classes;
}

const lists = createRequire(import.meta.url)("segment/lib/module/CHS_NAMES.js") as Record<string, object>;
const charactersOf = (list: string) => [...new Set(Object.keys(lists[list]))].sort().join("");

/** Surnames of one character. */
export const surnames = (): string => charactersOf("FAMILY_NAME_1");

/** Characters of given names: the first of two, the second of two, the only one. */
export const givenNames = (): string[] => ["DOUBLE_NAME_1", "DOUBLE_NAME_2", "SINGLE_NAME"].map(charactersOf);
