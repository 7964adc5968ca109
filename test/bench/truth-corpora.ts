import { readFileSync } from "node:fs";
import { join } from "node:path";
import { below, type Random, seededRandom } from "../../src/random.js";
import { normalise } from "../../src/text/normalise.js";
import { articles, bankQuestions, tnewsTitles } from "./corpora.js";

/** Texts of which it is known which ones are near-duplicates of each other. */
export interface TruthCorpus {
  readonly name: string;
  readonly texts: readonly string[];
  /** Whether the texts at two places are near-duplicates. */
  same(a: number, b: number): boolean;
  /** Whether nobody knows what two texts are that are not known to be the same. */
  unknown?(a: number, b: number): boolean;
}

const draw = <T>(list: readonly T[], random: Random): T => list[below(random, list.length)];

/** Words of Chinese titles and questions that say the same. */
const SYNONYMS: readonly (readonly [string, string])[] = [
  ["如何", "怎么"],
  ["为什么", "为何"],
  ["什么", "啥"],
  ["怎样", "怎么样"],
  ["觉得", "认为"],
  ["看待", "看"],
  ["哪些", "什么"],
  ["多少", "几多"],
  ["手机", "电话"],
  ["目前", "现在"],
  ["公司", "企业"],
  ["应该", "该"],
  ["可以", "能"],
  ["非常", "很"],
  ["以及", "和"],
];
const TAGS = ["快讯：", "【组图】", "（图）", "独家：", "视频："];
const SITES = ["_新浪网", " - 今日头条", "（转载）", "_网易新闻", " 阅读全文"];

/** Changes that leave a Chinese title the same; none of them is among the damages that calibrate plants. */
const TITLE_CHANGES: readonly ((text: string, random: Random) => string)[] = [
  (text, random) => draw(TAGS, random) + text,
  (text, random) => text + draw(SITES, random),
  (text) => `${[...text].slice(0, Math.ceil(0.85 * [...text].length)).join("")}…`,
  (text) => SYNONYMS.reduce((changed, [a, b]) => (changed === text ? changed.replace(a, b) : changed), text),
  (text, random) => {
    const characters = [...text];
    const at = below(random, characters.length - 1);
    [characters[at], characters[at + 1]] = [characters[at + 1], characters[at]];
    return characters.join("");
  },
  (text, random) => {
    const at = below(random, [...text].length);
    return [...text].map((character, i) => (i === at ? character + character : character)).join("");
  },
];

/** The bigrams of a text. */
const bigramsOf = (text: string) => new Set(Array.from({ length: text.length - 1 }, (_, i) => text.slice(i, i + 2)));

/** Share of the bigrams of two texts that both have. */
function dice(left: ReadonlySet<string>, right: ReadonlySet<string>): number {
  let common = 0;
  for (const bigram of left) if (right.has(bigram)) common++;
  return (2 * common) / Math.max(1, left.size + right.size);
}

/** Natural pairs of titles that share so many bigrams may be copies; nobody has judged them. */
const PERHAPS = 0.6;

/** Chinese titles, of which a share comes twice, the second time changed. */
export function changedTitles(data: string, options: { count: number; share: number; seed: number }): TruthCorpus {
  const { count, share, seed } = options;
  const random = seededRandom(seed);
  const titles = tnewsTitles(data).filter((title) => [...title].length >= 8);
  const originals = Array.from({ length: count }, () => draw(titles, random));
  const distinct = [...new Set(originals)];
  const texts = [...distinct];
  const origin = distinct.map((_, i) => i);
  for (let i = 0; i < count * share; i++) {
    const from = below(random, distinct.length);
    let changed = distinct[from];
    for (let n = 1 + below(random, 2); n > 0; n--) changed = draw(TITLE_CHANGES, random)(changed, random);
    if (normalise(changed) === normalise(distinct[from])) continue;
    texts.push(changed);
    origin.push(from);
  }
  const bigrams = distinct.map(bigramsOf);
  return {
    name: `titles ${count}, ${100 * share} % changed`,
    texts,
    same: (a, b) => origin[a] === origin[b],
    unknown: (a, b) => dice(bigrams[origin[a]], bigrams[origin[b]]) >= PERHAPS,
  };
}

/** English news articles with their true pairs. */
export function articlePairs(data: string, count: 100 | 1000 | 2500): TruthCorpus {
  const { texts, truth } = articles(data, count);
  const keyOf = (a: number, b: number) => Math.min(a, b) * 2 ** 20 + Math.max(a, b);
  const pairs = new Set(truth.map(([a, b]) => keyOf(a, b)));
  return { name: `articles ${count}`, texts, same: (a, b) => pairs.has(keyOf(a, b)) };
}

/** Score of STS-B from which two sentences count as the same: "mostly equivalent". */
const STSB_SAME = 4;

/** Sentences of STS-B; only the pairs that were scored count. */
export function stsbPairs(data: string): TruthCorpus {
  const texts: string[] = [];
  const place = new Map<string, number>();
  const at = (text: string) => {
    const known = place.get(text) ?? texts.push(text) - 1;
    place.set(text, known);
    return known;
  };
  const scores = new Map<number, number>();
  const keyOf = (a: number, b: number) => Math.min(a, b) * 2 ** 20 + Math.max(a, b);
  for (const name of ["sts-dev.csv", "sts-test.csv"]) {
    for (const line of readFileSync(join(data, "en-stsb", name), "utf8")
      .trim()
      .split("\n")) {
      const cells = line.split("\t");
      const [a, b] = [at(cells[5]), at(cells[6].trim())];
      scores.set(keyOf(a, b), Number(cells[4]));
    }
  }
  return {
    name: "STS-B dev and test",
    texts,
    same: (a, b) => (scores.get(keyOf(a, b)) ?? 0) >= STSB_SAME,
    unknown: (a, b) => !scores.has(keyOf(a, b)),
  };
}

/** Questions to a bank; those of one intent count as the same. */
export function bankIntents(data: string): TruthCorpus {
  const texts = bankQuestions(data);
  const intents = new Map<string, string>();
  for (const line of readFileSync(join(data, "en-banking77/train.csv"), "utf8").split(/\r?\n/).slice(1)) {
    const comma = line.lastIndexOf(",");
    intents.set(line.slice(0, comma).replace(/^"|"$/g, ""), line.slice(comma + 1));
  }
  const labels = texts.map((text) => intents.get(text));
  return { name: "banking77, same intent", texts, same: (a, b) => labels[a] === labels[b] };
}

const THINGS =
  "手机 电脑 微信 支付宝 银行卡 信用卡 花呗 公积金 社保卡 身份证 驾照 护照 房贷 车险 医保 宽带 快递 火车票 机票 酒店 淘宝店 公众号 邮箱 路由器 打印机 空调 洗衣机 冰箱 充电宝 耳机".split(
    " ",
  );
const DEEDS =
  "注册 注销 激活 解绑 充值 提现 修改密码 查询余额 办理 补办 续费 退款 投诉 转让 升级 预约 挂失 申请 取消 开通".split(
    " ",
  );
/** Ways to ask how; those of a list mean the same. */
const FORMS: readonly (readonly string[])[] = [
  ["怎么#@", "如何#@", "@怎么#", "请问@如何#？", "@要怎样#"],
  ["@#要多少钱", "#@需要花多少钱？", "@#多少钱啊", "请问@#费用是多少"],
  ["@#要多长时间", "#@需要多久？", "@#多久能好", "请问#@要几天"],
  ["在哪里#@", "@在哪儿#？", "哪里可以#@", "请问去哪#@"],
];

/** Chinese questions in the manner of LCQMC: pairs that ask the same in other words, among many that differ in a word. */
export function questionPairs(seed: number): TruthCorpus {
  const random = seededRandom(seed);
  const texts: string[] = [];
  const meaning: string[] = [];
  for (const thing of THINGS) {
    for (const deed of DEEDS) {
      for (const [f, forms] of FORMS.entries()) {
        if (random() < 0.5) continue;
        const many = random() < 0.15 ? 2 : 1;
        const first = below(random, forms.length);
        for (let i = 0; i < many; i++) {
          texts.push(forms[(first + i) % forms.length].replace("#", deed).replace("@", thing));
          meaning.push(`${thing} ${deed} ${f}`);
        }
      }
    }
  }
  return { name: "questions like LCQMC", texts, same: (a, b) => meaning[a] === meaning[b] };
}
