/** Finds words by dictionary in Chinese, Japanese and Thai, and by the rules of Unicode in other scripts. */
const segmenter = new Intl.Segmenter("zh", { granularity: "word" });

const letter = /\p{L}/u;
const han = /\p{Script=Han}/u;

/** Most words in a phrase. The segmenter splits a foreign name in Chinese into single characters, so up to four. */
const PHRASE_WORDS = 3;
const PHRASE_WORDS_HAN = 4;

/** Most characters in a Chinese phrase: enough for names and compounds, too few for clauses. */
const PHRASE_HAN = 6;

/** One word of a text. */
interface Word {
  readonly text: string;
  readonly han: boolean;
}

/**
 * Lists the distinct terms of a text in order of appearance: words and phrases of neighbouring words, in lower case and
 * NFKC. Stop words, numbers, single letters and punctuation end a phrase. A single Chinese character occurs only inside
 * a phrase. Chinese words join without a space, since the dictionary splits names and new words.
 */
export function termsOf(text: string): string[] {
  const terms = new Set<string>();
  const run: Word[] = [];
  let end = 0;
  for (const { segment, index, isWordLike } of segmenter.segment(text.normalize("NFKC").toLowerCase())) {
    if (segment === " ") continue;
    // A phrase continues only over a single space.
    if (index > end + 1) run.length = 0;
    const single = segment.length === 1 && !han.test(segment);
    if (!isWordLike || single || !letter.test(segment) || isStopWord(segment)) {
      run.length = 0;
      continue;
    }
    const word = { text: segment, han: han.test(segment) };
    if (run.length > 0 && run[run.length - 1].han !== word.han) run.length = 0;
    if (word.han && index > end) run.length = 0;
    end = index + segment.length;
    run.push(word);
    if (run.length > (word.han ? PHRASE_WORDS_HAN : PHRASE_WORDS)) run.shift();
    addTerms(run, terms);
  }
  return [...terms];
}

/** Adds the terms that end with the last word of a run. */
function addTerms(run: readonly Word[], terms: Set<string>): void {
  const last = run[run.length - 1];
  if (last.text.length > 1) terms.add(last.text);
  let phrase = last.text;
  for (let w = run.length - 2; w >= 0; w--) {
    phrase = last.han ? run[w].text + phrase : `${run[w].text} ${phrase}`;
    if (last.han && (phrase.length > PHRASE_HAN || isStopWord(phrase))) continue;
    terms.add(phrase);
  }
}

/** True for a term of Chinese characters. */
export function isChinese(term: string): boolean {
  return han.test(term);
}

/** True where a term lies inside another term: as characters in a Chinese term, as whole words in others. */
export function liesWithin(term: string, other: string): boolean {
  if (term.length >= other.length) return false;
  return han.test(other) ? other.includes(term) : ` ${other} `.includes(` ${term} `);
}

/** True where two terms are forms of one word or phrase: card and cards, activate and activation. Not in Chinese. */
export function areForms(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (han.test(short)) return false;
  // A shared stem of four letters or more is seldom chance; a shorter word must be whole, as card in cards.
  if (short.length >= 5) return long.startsWith(short.slice(0, -1));
  const endings = short.length === 4 ? /^(?:e?s|e?d|ing)$/ : /^e?s$/;
  return long.startsWith(short) && endings.test(long.slice(short.length));
}

/**
 * Words that do not tell what a text is about, Chinese and English, lower case, chosen by hand: function words,
 * pronouns, question words, and verbs and adverbs that fit any topic. Key terms leave them out.
 */

const chinese = `
的 地 得 了 着 过 吗 呢 吧 啊 呀 哦 嘛 哈 么 之 其 所 以 于 与 和 及 或 而 且 但 却 则 因 为 由 从 至 到 向 往 对 把 被 让 给 跟 同 按 据
在 是 有 无 没 不 未 别 非 也 都 就 才 又 再 还 很 太 更 最 真 好 多 少 大 小 上 下 里 中 内 外 前 后 左 右 间 时 年 月 日 天 号 点 分 个 只 件 次 位 名
种 些 家 人 这 那 哪 此 该 各 每 某 本 我 你 您 他 她 它 咱 谁 啥 几 何 来 去 说 要 想 会 能 可 应 将 已 曾 正 当 用 做 看 像 叫 使 等 第 元 万 亿 岁
一 二 三 四 五 六 七 八 九 十 百 千 两 半 们 者 如 若 即 并 仅 均 便 请 呗 唉 嗯 喔 您好 谢谢
我们 你们 他们 她们 它们 咱们 自己 别人 大家 人家 本人 有人 没人 每个 各种 某些 其他 其它 其中 另外 这个 那个 哪个 这些 那些 哪些 这样 那样 怎样 这种
那种 哪种 这里 那里 哪里 哪儿 这么 那么 多么 怎么 怎么样 怎么办 什么 什么样 为什么 为何 如何 是否 能否 可否 多少 几个 多久 一个 一些 一种 一下 一点 一样
一起 一直 一定 一般 一次 一位 一名 一天 一年 第一 第二 两个 三个 有些 有点 有的 没有 不是 不会 不能 不要 不用 不过 不同 不仅 不但 就是 还是 还有 只有 只是
只要 只能 但是 可是 而且 而是 因为 所以 因此 由于 如果 要是 虽然 即使 除了 关于 对于 以及 或者 或是 甚至 然后 之后 之前 之间 以后 以前 以上 以下 以来 左右
现在 目前 今天 明天 昨天 今年 去年 明年 当时 时候 时间 正在 已经 曾经 刚刚 马上 突然 终于 最后 最终 最近 经常 常常 总是 从来 可以 可能 应该 需要 必须 能够
愿意 觉得 认为 知道 看到 看看 看来 表示 成为 进行 开始 继续 使用 通过 根据 按照 作为 具有 存在 出现 发现 得到 带来 引起 造成 到底 究竟 其实 确实 真的 真是
非常 特别 十分 比较 更加 越来越 太多 很多 许多 不少 大量 所有 全部 部分 几乎 大概 差不多 完全 原来 原因 情况 问题 方面 东西 事情 有没有 是不是 会不会
能不能 好不好 要不要 并不 并且 居然 竟然 竟 难道 究 曝 称 均为 多个 再次 再也 又是 都是 也是 不想 来说 不得 想要 看待 评价 你的 我的 他的 她的
你会 不知道 知不知道 到底是 可能是 什么时候 干什么 才能 出来 起来 下来 下去 过来 后来 回事 一张 一看 一座 一首 一句 一件 一台 一部 一场 一家 一条 一句话 这是 那是 有人说
很少 宁愿 而不 而不是 真的是 怎么说 好的 看法 只差 接下 接下来 要用 放在 听听 做到
不再 再来 值得 不值 一只 一款 一时 一定要 每年 每日 每天 今日 年前 日子 是什么 有什么 怎么看 如何看待
`;

const english = `
a an the and or but nor so yet if then else than that this these those there here where when while who whom whose which what why how
i me my mine myself we us our ours you your yours he him his she her hers it its they them their theirs one ones
am is are was were be been being do does did doing done have has had having can could may might must shall should will would
not no none never don't doesn't didn't isn't aren't wasn't weren't can't cannot couldn't won't wouldn't shouldn't haven't hasn't hadn't
dont doesnt didnt isnt arent wasnt cant couldnt wont wouldnt shouldnt havent hasnt im ive
i'm i've i'd i'll you're you've it's that's what's there's let's
of in on at by for with about against between into through during before after above below to from up down out off over under again
further once as until because just only very too also more most less least much many some any each every both few several all other
others another such own same now already still even ever always often sometimes maybe perhaps really quite rather almost
get gets got getting go goes going went gone come comes came make makes made making take takes took taken give gives given gave
say says said tell told know known knows think thought want wants wanted need needs needed use used uses using try trying tried
like look looking seem seems let put keep way thing things something anything nothing everything someone anyone everyone
please thanks thank yes ok okay hi hello well lot lots bit etc via per within without upon among across along around
two three first second new mr mrs ms
`;

/** A short word with one of these at its end is a verb or adjective in a sentence, 到了 or 中的, and no topic. */
const SENTENCE_ENDS = /^.{1,2}[了的吗呢]$/u;

/** The nouns among them. */
const NOUNS: ReadonlySet<string> = new Set(["目的", "标的"]);

/** Chinese characters that form no topic however they are combined: 都不, 去了, 我会. */
const functionCharacters = new Set(
  "的地得了着过吗呢吧啊么不没都也就才又再还很太我你您他她它们这那哪是有在来去说要想会能把被让给",
);

const words: ReadonlySet<string> = new Set(`${chinese} ${english}`.split(/\s+/).filter((word) => word !== ""));

/** Whether a lower-case word is a stop word, Chinese or English. */
function isStopWord(word: string): boolean {
  if (words.has(word)) return true;
  if (word.length > 3) return false;
  if (SENTENCE_ENDS.test(word) && !NOUNS.has(word)) return true;
  for (const character of word) if (!functionCharacters.has(character)) return false;
  return true;
}
