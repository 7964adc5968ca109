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
  世界纪录 电视广播 神农溪 达摩 玉皇大帝 美国之音 和和气气 西王 黄石 师兄 宋体 苏醒 谢辞 罗缎 戴牢 戴表 夏锄 姜味 姜糖 何堪 何忍 汪流 唐书 罗甸`.split(
    /\s+/,
  ),
);

/** Companies, brands and people of whom the dictionaries, older than they, know nothing. */
const NAMES_OF_TODAY = new Set(
  `百度 京东 美团 滴滴 拼多多 字节跳动 抖音 快手 微信 支付宝 淘宝 天猫 阿里 阿里云 蚂蚁金服 网易 新浪 微博 知乎 豆瓣 小红书 哔哩哔哩 爱奇艺 优酷 携程 饿了么 今日头条
  华为 小米 荣耀 魅族 中兴 比亚迪 吉利 奇瑞 长安汽车 蔚来 理想汽车 小鹏 特斯拉 宝马 奔驰 奥迪 丰田 本田 日产 别克 雪佛兰 现代汽车 起亚 保时捷 法拉利 大众汽车
  谷歌 微软 英伟达 高通 台积电 推特 脸书 优衣库 星巴克 肯德基 必胜客 沃尔玛 宜家 耐克 阿迪达斯 恒大 万科 碧桂园 融创 万达 顺丰 中通 圆通 格力 美的集团 茅台 五粮液
  伊利 蒙牛 娃哈哈 工商银行 建设银行 平安保险 中石油 中石化 国家电网 中国移动 中国联通 大疆 商汤 科大讯飞 寒武纪 王者荣耀 英雄联盟 绝地求生 和平精英
  特朗普 拜登 普京 奥巴马 默克尔 马克龙 泽连斯基 安倍晋三 莫迪 金正恩 文在寅 马斯克 乔布斯 扎克伯格 贝索斯 库里 詹姆斯 科比 姚明 梅西 内马尔 马化腾 任正非 刘强东 马云
  李彦宏 丁磊 张一鸣`.split(/\s+/),
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

/** Surnames that are seldom anything else. */
const SURNAMES = new Set(
  "李刘陈杨赵吴孙朱郭何罗宋郑谢韩唐冯董萧曹袁邓傅沈吕苏卢蒋蔡贾魏薛阎潘杜戴夏侯孟秦邱尹姚邵汪崔谭廖范陆姜",
);

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
    const person = tag.startsWith("nr") && flag === 0 && word.length === 2 && SURNAMES.has(word[0]);
    const place = tag === "ns" && word.length >= 3 && PLACE.test(word);
    if (word.length > 1 && (agreed || place || person) && !NO_NAMES.has(word))
      classes.set(word, letter(frequency, "A"));
    else if (word.length === 1 || frequency >= LEAST) classes.set(word, letter(frequency, "a"));
  }
  for (const word of NAMES_OF_TODAY) classes.set(word, letter(entries.get(word)?.frequency ?? 64, "A"));
  for (const [word, flag] of flags) {
    if (flag === PERSON_FLAG && word.length >= 3 && !entries.has(word)) classes.set(word, letter(16, "A"));
  }
  return classes;
}

/** How many transliterated names a character must be in to count as one of transliteration. */
const TRANSLITERATED = 20;

/** Characters that foreign names share with everyday words. */
const NOT_TRANSLITERATED = new Set("多和文日安一世中大上下不人门新法路城岛地内切通易二三十王山河海天东南热高金明");

/** Characters that foreign names are spelt with. */
export function transliterations(): string {
  const counts = new Map<string, number>();
  for (const [word, { tag }] of jieba()) {
    if (tag !== "nrt" || word.length < 3) continue;
    for (const character of new Set(word)) counts.set(character, (counts.get(character) ?? 0) + 1);
  }
  const frequent = [...counts].filter(
    ([character, count]) => count >= TRANSLITERATED && !NOT_TRANSLITERATED.has(character),
  );
  return frequent
    .map(([character]) => character)
    .sort()
    .join("");
}

const lists = createRequire(import.meta.url)("segment/lib/module/CHS_NAMES.js") as Record<string, object>;
const charactersOf = (list: string) => [...new Set(Object.keys(lists[list]))].sort().join("");

/** Surnames of one character. */
export const surnames = (): string => charactersOf("FAMILY_NAME_1");

/** Characters of given names: the first of two, the second of two, the only one. */
export const givenNames = (): string[] => ["DOUBLE_NAME_1", "DOUBLE_NAME_2", "SINGLE_NAME"].map(charactersOf);
