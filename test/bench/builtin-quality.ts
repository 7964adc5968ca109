import { builtin } from "../../src/models/builtin.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { sharedData } from "../data/shared.js";
import { randomSource } from "../join/vectors.js";
import { builtinFeeds, builtinVectors, type Pair, pairsAbove } from "./builtin-vectors.js";
import { articles, bankQuestions, reviews, tnewsTitles } from "./corpora.js";
import { chinesePerturbations, englishPerturbations, type Perturbation } from "./perturb.js";
import { openTable } from "./table/record.js";

/**
 * What the builtin model finds, and what it takes for the same wrongly: the figures behind its default threshold.
 * `node builtin-quality.js` prints the tables, `--pairs` also the pairs of different originals, for judging by eye.
 */

const THRESHOLDS = [0.9, builtin.threshold, 0.8, 0.75];
const DATA = sharedData(".");
const showPairs = process.argv.includes("--pairs");
const percent = (part: number, whole: number) => (whole === 0 ? "-" : ((100 * part) / whole).toFixed(1));
const row = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
const countAbove = (pairs: readonly Pair[], least: number) => pairs.filter(([, , cosine]) => cosine >= least).length;

const slug = (...words: string[]) =>
  words
    .join(" ")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
const atThresholds = THRESHOLDS.map((threshold) => ({ key: `at${threshold}`, title: `>= ${threshold}` }));
const damageTable = await openTable({
  id: "builtin-damage",
  title: "Damaged copies that builtin finds with their original, in %",
  columns: [
    ...["texts", "damage", "characters"].map((key) => ({ key, title: key })),
    ...atThresholds,
    { key: "lowest", title: "lowest 1 %" },
  ],
});
const articlesTable = await openTable({
  id: "builtin-articles",
  title: "Articles with known copies",
  columns: [
    { key: "articles", title: "articles" },
    { key: "pairs", title: "true pairs" },
    { key: "lowest", title: "lowest true" },
    { key: "highest", title: "highest other" },
    { key: "found", title: `found at ${builtin.threshold}` },
    { key: "wrong", title: "false" },
  ],
});
const pairsTable = await openTable({
  id: "builtin-pairs",
  title: "Pairs of different texts in the corpora as they are",
  columns: [{ key: "corpus", title: "corpus" }, { key: "texts", title: "texts" }, ...atThresholds],
});
const speedsTable = await openTable({
  id: "builtin-speed",
  title: "Speed of builtin",
  columns: [
    { key: "step", title: "step" },
    { key: "rate", title: "a second", digits: 0 },
  ],
});
/** Cells of the columns of thresholds. */
const byThreshold = (values: readonly (string | number)[]) =>
  Object.fromEntries(THRESHOLDS.map((threshold, i) => [`at${threshold}`, values[i]]));

/** Seeded sample of texts, in shuffled order. */
function sample(texts: readonly string[], count: number): string[] {
  const random = randomSource(7);
  const drawn = [...texts];
  for (let i = drawn.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [drawn[i], drawn[j]] = [drawn[j], drawn[i]];
  }
  return drawn.slice(0, count);
}

/** Recall of each kind of damage at each threshold, over texts of `least` to `most` characters. */
async function recallTable(options: {
  title: string;
  texts: readonly string[];
  kinds: Record<string, Perturbation>;
  lengths: readonly (readonly [number, number])[];
}): Promise<void> {
  const { title, texts, kinds, lengths } = options;
  console.log(`\n### ${title}: % of damaged copies found with their original, ${texts.length} originals`);
  row(["damage", "characters", ...THRESHOLDS.map((threshold) => `>= ${threshold}`), "lowest 1 %"]);
  const { dim } = builtin;
  const originals = builtinVectors(texts);
  const variants: string[] = [];
  const origin: number[] = [];
  for (const [kind, damage] of Object.entries(kinds)) {
    const random = randomSource(1);
    const start = variants.length;
    texts.forEach((text, row) => {
      const damaged = damage(Array.from(text), random);
      if (damaged !== null) variants.push(damaged.join(""));
      if (damaged !== null) origin.push(row);
    });
    const vectors = builtinVectors(variants.slice(start));
    const cosines = origin.slice(start).map((row, v) => {
      let sum = 0;
      for (let i = 0; i < dim; i++) sum += originals[row * dim + i] * vectors[v * dim + i];
      return { sum, length: Array.from(texts[row]).length };
    });
    for (const [least, most] of lengths) {
      const within = cosines.filter(({ length }) => length >= least && length <= most).map(({ sum }) => sum);
      within.sort((a, b) => a - b);
      const found = THRESHOLDS.map((t) => percent(within.filter((cosine) => cosine >= t - 1e-6).length, within.length));
      const lowest = within[Math.floor(within.length / 100)]?.toFixed(3) ?? "-";
      row([kind, `${least}-${most}`, ...found, lowest]);
      const cells = { texts: title, damage: kind, characters: `${least}-${most}`, ...byThreshold(found), lowest };
      damageTable.add(slug(title, kind, `${least}-${most}`), cells);
    }
  }
  const all = builtinVectors([...texts, ...variants]);
  const family = (row: number) => (row < texts.length ? row : origin[row - texts.length]);
  const pairs = await pairsAbove(all, dim, THRESHOLDS[THRESHOLDS.length - 1]);
  const strangers = pairs.filter(([left, right]) => family(left) !== family(right));
  const planted = THRESHOLDS.map((t) => percent(countAbove(pairs, t) - countAbove(strangers, t), countAbove(pairs, t)));
  row(["planted share of all pairs found", "", ...planted, ""]);
  damageTable.add(slug(title, "planted"), {
    ...{ texts: title, damage: "planted share of all pairs found", ...byThreshold(planted) },
  });
}

/** Pairs that a corpus holds by itself: how many, and with `--pairs` which. */
async function naturalPairs(title: string, texts: readonly string[]): Promise<void> {
  const pairs = await pairsAbove(builtinVectors(texts), builtin.dim, THRESHOLDS[THRESHOLDS.length - 1]);
  const counts = THRESHOLDS.map((threshold) => countAbove(pairs, threshold));
  row([title, texts.length, ...counts]);
  pairsTable.add(slug(title), { corpus: title, texts: texts.length, ...byThreshold(counts) });
  if (!showPairs) return;
  for (const [left, right, cosine] of pairs) console.log(`${cosine.toFixed(3)}\t${texts[left]}\t${texts[right]}`);
}

async function articleTable(): Promise<void> {
  console.log("\n### English articles with known copies");
  row(["articles", "true pairs", "lowest true", "highest other", `found at ${builtin.threshold}`, "false"]);
  for (const count of [100, 1000, 2500] as const) {
    const { texts, truth } = articles(DATA, count);
    const known = new Set(truth.map(String));
    const pairs = await pairsAbove(builtinVectors(texts), builtin.dim, 0.2);
    const right = pairs.filter(([a, b]) => known.has(`${a},${b}`));
    const wrong = pairs.filter(([a, b]) => !known.has(`${a},${b}`));
    const edges = [right[right.length - 1]?.[2], wrong[0]?.[2]].map((cosine) => cosine?.toFixed(4) ?? "-");
    const [found, falsely] = [right, wrong].map((list) => countAbove(list, builtin.threshold));
    row([count, truth.length, ...edges, found, falsely]);
    const [lowest, highest] = edges;
    articlesTable.add(`${count}`, { articles: count, pairs: truth.length, lowest, highest, found, wrong: falsely });
  }
}

/** Median seconds of several calls, after one to warm up. */
async function median(repeats: number, call: () => unknown): Promise<number> {
  const seconds: number[] = [];
  for (let i = 0; i <= repeats; i++) {
    const start = performance.now();
    await call();
    if (i > 0) seconds.push((performance.now() - start) / 1000);
  }
  return seconds.sort((a, b) => a - b)[repeats >> 1];
}

async function speedTable(titles: readonly string[]): Promise<void> {
  console.log("\n### Speed");
  row(["step", "per second"]);
  const record = (step: string, rate: number) => {
    row([step, Math.round(rate)]);
    speedsTable.add(slug(step), { step, rate });
  };
  const texts = titles.slice(0, 10_000);
  const encoding = await median(7, () => {
    for (const text of texts) builtin.encode(text, builtin.maxTokens);
  });
  record("encode titles, 1 thread", texts.length / encoding);
  const embedding = await median(7, () => builtinVectors(texts));
  record("titles to vectors, 1 thread", texts.length / embedding);
  const long = articles(DATA, 1000).texts;
  const encodingLong = await median(3, () => {
    for (const text of long) builtin.encode(text, builtin.maxTokens);
  });
  record("encode articles, 1 thread", long.length / encodingLong);
  for (const threads of [1, 2]) {
    const start = performance.now();
    const kernel = await createOrtEngine({ threads }).compile(builtin.graph());
    const startup = performance.now() - start;
    for (const batch of [64, 256]) {
      const feeds = builtinFeeds(titles.slice(0, batch));
      const seconds = await median(51, () => kernel.run(feeds));
      record(`session.run, ${threads} threads, batch ${feeds.input_ids.shape.join(" x ")}`, batch / seconds);
    }
    row([`graph and session, ${threads} threads, ms`, startup.toFixed(1)]);
    await kernel.release();
  }
}

const titles = tnewsTitles(DATA);
const hanzi = titles.flatMap((title) => Array.from(title)).filter((character) => /\p{sc=Han}/u.test(character));
const questions = bankQuestions(DATA);
console.log(`builtin ${builtin.version}`);
await articleTable();
await recallTable({
  title: "Chinese titles",
  texts: sample(
    titles.filter((title) => Array.from(title).length >= 6),
    5000,
  ),
  kinds: chinesePerturbations(hanzi),
  lengths: [
    [6, 12],
    [13, 20],
    [21, 99],
    [6, 99],
  ],
});
await recallTable({
  title: "Chinese reviews",
  texts: sample(reviews(DATA), 2000),
  kinds: chinesePerturbations(hanzi),
  lengths: [
    [1, 50],
    [51, 9999],
    [1, 9999],
  ],
});
await recallTable({
  title: "English questions",
  texts: sample(questions, 3000),
  kinds: englishPerturbations(questions.flatMap((question) => question.split(" "))),
  lengths: [
    [1, 40],
    [41, 80],
    [81, 999],
    [1, 999],
  ],
});
console.log("\n### Pairs of different texts in the corpora as they are");
row(["corpus", "texts", ...THRESHOLDS.map((threshold) => `>= ${threshold}`)]);
await naturalPairs("Chinese titles", titles);
await naturalPairs("Chinese reviews", reviews(DATA));
await naturalPairs("English questions", questions);
await speedTable(titles);
for (const table of [damageTable, articlesTable, pairsTable, speedsTable]) table.write();
