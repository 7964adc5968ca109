import { below } from "../../random.js";
import { replaceOne } from "./damage-kinds.js";
import type { Damage, NameClass, NamePool } from "./damage-pool.js";

const words = (text: string) => text.trim().split(/\s+/);

/** Names that serve where the sample has no other of the class, and by which Chinese names are recognised. */
const KNOWN: Readonly<Record<NameClass, readonly string[]>> = {
  latin: words("Alice Johnson_Smith Berlin Oslo Toyota Nokia Siemens Garcia Ottawa Kenya Novak Lisbon").map((name) =>
    name.replace("_", " "),
  ),
  title: ["《红楼梦》", "《西游记》", "《流浪地球》", "《战狼》"],
  place: words(`
北京 上海 广州 深圳 天津 重庆 成都 杭州 武汉 南京 西安 苏州 长沙 郑州 青岛 沈阳 大连 济南 厦门 福州 合肥 昆明 南昌 贵阳 太原 哈尔滨 长春 石家庄 兰州 海口
三亚 珠海 东莞 佛山 宁波 温州 无锡 拉萨 香港 澳门 台湾 河北 河南 湖北 湖南 广东 广西 山东 山西 江苏 浙江 安徽 福建 江西 四川 贵州 云南 陕西 甘肃 青海 海南 辽宁
吉林 黑龙江 内蒙古 新疆 西藏 宁夏`),
  country: words(`
中国 美国 日本 韩国 朝鲜 俄罗斯 英国 法国 德国 意大利 西班牙 印度 巴西 阿根廷 加拿大 澳大利亚 伊朗 伊拉克 叙利亚 以色列 土耳其 埃及 越南 泰国 缅甸 新加坡 马来西亚
菲律宾 印尼 巴基斯坦 乌克兰 波兰 瑞典 瑞士 荷兰 葡萄牙`),
  company: words(`
华为 小米 苹果 三星 腾讯 阿里 阿里巴巴 百度 京东 美团 滴滴 拼多多 微软 谷歌 特斯拉 比亚迪 奔驰 宝马 奥迪 大众 丰田 本田 吉利 长城 哈弗 联想 格力 海尔 中兴 魅族 索尼
招商银行 工商银行 建设银行 农业银行 中国银行`),
  person: words(`
马云 马化腾 雷军 任正非 董明珠 刘强东 特朗普 普京 奥巴马 梅西 詹姆斯 科比 库里 杜兰特 哈登 姚明 林丹 张继科 马龙 曹操 刘备 诸葛亮 关羽 张飞 李白 杜甫 康熙 乾隆
王健林 李嘉诚 周杰伦 成龙 刘德华 李小龙 杨幂 赵丽颖 范冰冰 黄渤 吴京 韦德 保罗 威少`),
};

const CLASSES = Object.keys(KNOWN) as NameClass[];

/** Longer names first, so that 阿里巴巴 is not taken for 阿里. */
const anyOf = (names: readonly string[]) => new RegExp([...names].sort((a, b) => b.length - a.length).join("|"), "gu");

/** Capitalised words that are no names. */
const NO_NAMES =
  "I|I'm|I've|I'd|I'll|The|A|An|And|But|Or|If|When|How|What|Why|Where|Who|Can|Could|Is|Are|Do|Does|My|We|You|It|This|That|OK|ID|PIN|ATM|Mr|Mrs|Dr";

const PATTERNS: Readonly<Record<NameClass, RegExp>> = {
  // One or several capitalised words inside a sentence; Latin words among Chinese characters.
  latin: new RegExp(
    `(?:(?<=[\\p{Ll},]['’]?s?\\s)|(?<=\\p{Script=Han}\\s?))(?!(?:${NO_NAMES})\\b)\\p{Lu}[\\p{L}\\d]+(?:\\s\\p{Lu}[\\p{L}\\d]+){0,2}(?![\\p{L}\\d])`,
    "gu",
  ),
  title: /《[^《》]{2,20}》/gu,
  place: anyOf(KNOWN.place),
  country: anyOf(KNOWN.country),
  company: anyOf(KNOWN.company),
  person: anyOf(KNOWN.person),
};

/** Names found in texts, each once. */
export function namesOf(texts: readonly string[]): NamePool {
  const found = CLASSES.map(
    (name) => [name, [...new Set(texts.flatMap((text) => text.match(PATTERNS[name]) ?? []))]] as const,
  );
  return new Map(found);
}

/** A name replaced by another of its class: one that another text of the sample has, else a known one. */
export const nameSwapped: Damage = (text, { names }, random) => {
  const present = CLASSES.filter((name) => text.match(PATTERNS[name]) !== null);
  if (present.length === 0) return undefined;
  const kind = present[below(random, present.length)];
  return replaceOne(text, PATTERNS[kind], random, (match) => {
    const others = [names.get(kind) ?? [], KNOWN[kind]].map((list) =>
      list.filter((other) => !text.includes(other) && other !== match),
    );
    const list = others[0].length > 0 ? others[0] : others[1];
    return list.length === 0 ? undefined : list[below(random, list.length)];
  });
};
