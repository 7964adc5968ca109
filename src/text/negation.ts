/** Each of these negates once. 沒 無 別 are traditional forms; 勿 and 甭 are other words for 别. */
const CHINESE_NEGATOR = /[不没沒未无無非别別勿甭]/g;
const HAS_CHINESE = /[不没沒未无無非别別勿甭]/;

/**
 * Words in which the negator does not negate what the text would say without it: conjunctions ("不但"), adverbs of degree
 * ("非常", "特别"), names and things ("非洲", "无线"), politeness ("不好意思"). A word is left out of the list where dropping its
 * negator would reverse the meaning ("不同", "没事", "未婚", "无限"): counting too much only keeps two texts apart, while
 * counting too little would merge opposites.
 */
const FIXED_WORDS = new RegExp(
  [
    // 不: conjunctions and adverbs, but not "不管用", "不过期", "不免费", "不禁止".
    "不[但仅僅光论論只止愧料惜久]|不管(?!用)|(?:(?<=^|[ ,.;!?])|只)不[过過]|不免(?![费費除税])|不禁(?!止)|不妨(?!碍)",
    "不时(?!髦)|时不时|动不动|不由得|不得不|不一会儿?|不然|要不(?=[,是])|差不多|好不容易",
    // Courtesy, degree, things.
    "不小心|不好意思|不客气|不用谢|[对對]不起|了不起|不得了|巴不得|恨不得|怪不得|不[错錯](?![过過])",
    "不动产|不倒翁|不干胶|不等式|不粘锅|不锈钢",
    // 没 and 未, but not "没收到", "没准备", "没落实", "未来得及".
    "[沉淹埋吞覆出]没|没落(?![实地户])|没准(?![备时确许])|未[来來](?!得及)|未免(?![费除])|未央",
    // 无, but not "无数据", "无线索".
    "[无無](?:[论論非奈聊双穷]|[线線](?!索)|[数數](?!据)|锡|人机|花果|印良品|所谓)|有[无無]",
    // 非: degree, places, kinds.
    "非[常洲但凡得典遗]|非主流|[除莫南北东東西是]非",
    // 别: "other", "sort", "part", "to part", but not "别处理", "别针对".
    "[特区區分级級类類性个個识識辨判差告离離派鉴鑑国國久永临][别別]",
    "[别別](?:[人的墅名致称稱克扭样樣]|[处處](?![理罚])|针(?!对))",
  ].join("|"),
  "g",
);
/** Questions such as "是不是", "能不能", "可不可以", "有没有", "到了没有？". They negate nothing, like questions with 吗. */
const QUESTION = /(?![不没沒])(\p{Script=Han}{1,2})[不没沒]\1|了[没沒]有?(?=[?.!]|$)/gu;

/** "Nothing", "nobody" and the like negate by themselves. Forms without an apostrophe are common in everyday typing. */
const ENGLISH_NEGATOR =
  /\b(?:not|no|never|none|nor|neither|nobody|nothing|nowhere|cannot|without|unable|(?:ca|wo|do|does|did|is|are|was|were|has|have|had|could|would|should)nt)\b|n't\b/g;
const HAS_ENGLISH = /n|without/;
/** "No. 5" is a number, and the other phrases affirm. */
const ENGLISH_FIXED = /\bno\. ?(?=\d)|\bor not\b|\bnot only\b|\bno matter\b|\bno doubt\b/g;

/**
 * Number of negations, Chinese and English together; a double negation counts two. @param text as `normalise` gives it
 */
export function negations(text: string): number {
  let count = 0;
  if (HAS_CHINESE.test(text)) {
    count += text.replace(QUESTION, " ").replace(FIXED_WORDS, " ").match(CHINESE_NEGATOR)?.length ?? 0;
  }
  if (HAS_ENGLISH.test(text)) count += text.replace(ENGLISH_FIXED, " ").match(ENGLISH_NEGATOR)?.length ?? 0;
  return count;
}
