import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Guards } from "../../src/text/guard-choice.js";
import { guardDifference, guardSignature } from "../../src/text/guards.js";
import { normalise } from "../../src/text/normalise.js";
import { sharedData } from "../data/shared.js";
import { randomSource } from "../join/vectors.js";
import type { Family } from "../make/faq.js";
import { articles, bankQuestions, tnewsTitles } from "./corpora.js";
import { CHINESE, ENGLISH, type NameList, UNKNOWN, VARIANTS } from "./name-lists.js";
import { chinesePerturbations, englishPerturbations, type Perturbation } from "./perturb.js";
import { openTable, spreadOf } from "./table/record.js";

/**
 * What `--guard names` keeps apart, rightly and wrongly, and how fast. `node names.js` prints the tables, `--pairs` also
 * the mistakes, for judging by eye.
 */

type Pair = readonly [string, string];

const NAMES: Guards = { numbers: false, negation: false, names: true };
const DATA = sharedData(".");
const showPairs = process.argv.includes("--pairs");
const row = (cells: readonly (string | number)[]) => console.log(`| ${cells.join(" | ")} |`);
const isApart = ([a, b]: Pair, guards = NAMES) => guardSignature(a, guards) !== guardSignature(b, guards);

const table = await openTable({
  id: "names",
  title: "What the guard names keeps apart",
  columns: [
    { key: "pairs", title: "pairs" },
    { key: "count", title: "count" },
    { key: "wanted", title: "names swapped: kept apart", unit: "%" },
    { key: "unwanted", title: "the same said twice: kept apart", unit: "%" },
    { key: "whole", title: "of these with all names whole", unit: "%" },
  ],
});
const speeds = await openTable({
  id: "names-speed",
  title: "Signatures",
  runs: 5,
  columns: [
    { key: "texts", title: "texts" },
    { key: "characters", title: "characters", digits: 0 },
    ...["numbers", "negation", "names"].map((key) => ({ key, title: key, unit: "texts/s", digits: 0 })),
  ],
});

/** One row of a table: how many of the pairs are kept apart; pairs of one normal form are left out, since they always merge. */
function report(options: { what: string; pairs: readonly Pair[]; wanted: boolean }): void {
  const { what, wanted } = options;
  const pairs = options.pairs.filter(([a, b]) => normalise(a) !== normalise(b));
  const apart = pairs.filter((pair) => isApart(pair));
  const share = (part: number) => (pairs.length === 0 ? "-" : ((100 * part) / pairs.length).toFixed(1));
  const whole = share(apart.filter(isUntouched).length);
  table.add(what.toLowerCase().replace(/[^a-z0-9]+/g, "-"), {
    ...{ pairs: what, count: pairs.length },
    ...(wanted ? { wanted: share(apart.length) } : { unwanted: share(apart.length), whole }),
  });
  row([what, pairs.length, share(apart.length), ...(wanted ? [] : [whole])]);
  if (!showPairs) return;
  const mistakes = wanted ? pairs.filter((pair) => !isApart(pair)) : apart;
  for (const [a, b] of mistakes.slice(0, 200)) {
    const [{ onlyFirst, onlySecond } = { onlyFirst: [], onlySecond: [] }] = guardDifference(a, b, NAMES);
    console.log(`    ${a}\n    ${b}\n        [${onlyFirst.join(" ")}] [${onlySecond.join(" ")}]`);
  }
}

/** Whether each name found in one text stands in the other as well, so that no difference of names explains the guard's. */
function isUntouched([a, b]: Pair): boolean {
  const compact = (text: string) => normalise(text).replace(/[^\p{L}\p{N}]/gu, "");
  return guardDifference(a, b, NAMES).every(({ onlyFirst, onlySecond }) => {
    const [first, second] = [compact(a), compact(b)];
    return onlyFirst.every((name) => second.includes(name)) && onlySecond.every((name) => first.includes(name));
  });
}

function head(title: string, ...shares: string[]): void {
  console.log(`\n### ${title}\n`);
  row(["pairs", "count", ...shares]);
  row(["---", "---", ...shares.map(() => "---")]);
}

const draw = <T>(from: readonly T[], random: () => number): T => from[Math.floor(random() * from.length)];

/** Each name of a list swapped for another in each of its carriers. */
function listPairs({ carriers, names }: NameList, random: () => number): Pair[] {
  return carriers.flatMap((carrier) =>
    names.map((name): Pair => {
      let other = draw(names, random);
      while (other === name) other = draw(names, random);
      return [carrier.replace("{}", () => name), carrier.replace("{}", () => other)];
    }),
  );
}

/** One to three capitalised words inside a sentence, as their writers spelt them. */
const CAPITALISED = /(?<=[a-z,] )[A-Z][\w'-]*[a-z][\w'-]*(?: [A-Z][\w'-]*[a-z][\w'-]*){0,2}/g;
const CALENDAR = /day\b|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b/;

/** Sentences in which one capitalised name is replaced by that of another sentence. */
function capitalisedPairs(sentences: readonly string[], random: () => number): Pair[] {
  const found = sentences
    .filter((sentence) => (sentence.match(/ [a-z]/g)?.length ?? 0) > 1.5 * (sentence.match(/ [A-Z]/g)?.length ?? 0))
    .flatMap((sentence) => {
      const names = [...sentence.matchAll(CAPITALISED)].filter(([name]) => !CALENDAR.test(name));
      return names.length === 0 ? [] : [{ sentence, match: draw(names, random) }];
    });
  return found.map(({ sentence, match }): Pair => {
    let [other] = draw(found, random).match;
    while (sentence.includes(other)) [other] = draw(found, random).match;
    return [sentence, sentence.slice(0, match.index) + other + sentence.slice(match.index + match[0].length)];
  });
}

/** Titles that hold a name of the list, with another one of the list in its place. */
function foundPairs(titles: readonly string[], names: readonly string[], random: () => number): Pair[] {
  return titles.flatMap((title): Pair[] => {
    const name = names.find((candidate) => candidate.length > 1 && title.includes(candidate));
    if (name === undefined) return [];
    let other = draw(names, random);
    while (title.includes(other)) other = draw(names, random);
    return [[title, title.replace(name, () => other)]];
  });
}

/** Titles that quote another title, with that of a third in its place. */
function quotedPairs(titles: readonly string[], random: () => number): Pair[] {
  const quoting = titles.filter((title) => /《[^《》]+》/.test(title));
  return quoting.map((title): Pair => {
    const other = (/《[^《》]+》/.exec(draw(quoting, random)) as RegExpExecArray)[0];
    return [title, title.replace(/《[^《》]+》/, () => other)];
  });
}

function sample<T>(from: readonly T[], count: number): T[] {
  const random = randomSource(7);
  return Array.from({ length: Math.min(count, from.length) }, () => draw(from, random));
}

function damagedPairs(texts: readonly string[], damage: Perturbation): Pair[] {
  const random = randomSource(1);
  return texts.flatMap((text): Pair[] => {
    const damaged = damage(Array.from(text), random);
    return damaged === null ? [] : [[text, damaged.join("")]];
  });
}

const titles = tnewsTitles(DATA);
const questions = bankQuestions(DATA);
const sentences = articles(DATA, 1000)
  .texts.join(" ")
  .split(/(?<=[a-z][.!?]) (?=[A-Z"])/)
  .filter((sentence) => sentence.length < 300);
const stsb = ["train", "dev", "test"]
  .flatMap((part) =>
    readFileSync(join(DATA, `en-stsb/sts-${part}.csv`), "utf8")
      .trim()
      .split("\n"),
  )
  .map((line) => line.split("\t"));

const random = randomSource(11);
head("Names swapped", "% kept apart");
for (const [kind, list] of Object.entries(ENGLISH))
  report({ what: `English, ${kind}`, pairs: listPairs(list, random), wanted: true });
for (const [kind, list] of Object.entries(CHINESE))
  report({ what: `Chinese, ${kind}`, pairs: listPairs(list, random), wanted: true });
for (const [kind, list] of Object.entries(UNKNOWN))
  report({ what: `nobody's, ${kind}`, pairs: listPairs(list, random), wanted: true });
const realPairs = capitalisedPairs(sample(sentences, 5000), random);
report({ what: "sentences of news, a capitalised name for another", pairs: realPairs, wanted: true });
const captions = stsb.map(([, , , , , first]) => first);
report({ what: "STS-B, a capitalised name for another", pairs: capitalisedPairs(captions, random), wanted: true });
for (const kind of ["person", "place", "organisation"])
  report({ what: `titles, ${kind}`, pairs: foundPairs(titles, CHINESE[kind].names, random), wanted: true });
report({ what: "titles, 《…》", pairs: sample(quotedPairs(titles, random), 2000), wanted: true });

head("The same said twice", "% kept apart", "of these with every name in both texts");
for (const count of [100, 1000, 2500] as const) {
  const { texts, truth } = articles(DATA, count);
  report({
    what: `articles_${count}, true copies`,
    pairs: truth.map(([a, b]): Pair => [texts[a], texts[b]]),
    wanted: false,
  });
}
const equal = stsb.filter(([, , , , score]) => Number(score) === 5).map((line): Pair => [line[5], line[6]]);
report({ what: "STS-B, score 5", pairs: equal, wanted: false });
const faq = readFileSync("fixtures/faq.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => (JSON.parse(line) as { text: string }).text);
const { families } = JSON.parse(readFileSync("fixtures/faq.truth.json", "utf8")) as { families: Family[] };
for (const kind of ["typo", "insertion", "swap"] as const) {
  const pairs = families.filter((family) => family.kind === kind).map(({ rows: [a, b] }): Pair => [faq[a], faq[b]]);
  report({ what: `FAQ, ${kind}`, pairs, wanted: false });
}
report({ what: "two ways to write one name", pairs: VARIANTS, wanted: false });
const characters = titles.flatMap((title) => Array.from(title));
for (const [kind, damage] of Object.entries(chinesePerturbations(characters)))
  report({ what: `titles, ${kind}`, pairs: damagedPairs(sample(titles, 5000), damage), wanted: false });
const words = questions.flatMap((question) => question.split(" "));
for (const [kind, damage] of Object.entries(englishPerturbations(words)))
  report({ what: `bank questions, ${kind}`, pairs: damagedPairs(sample(questions, 5000), damage), wanted: false });
for (const [kind, damage] of Object.entries(englishPerturbations(sentences.flatMap((text) => text.split(" ")))))
  report({ what: `sentences of news, ${kind}`, pairs: damagedPairs(sample(sentences, 3000), damage), wanted: false });

console.log("\n### Signatures, texts a second, median of five, in turn\n");
row(["texts", "characters", "numbers", "negation", "names"]);
row(["---", "---", "---", "---", "---"]);
for (const [what, texts] of Object.entries({
  "Chinese titles": titles,
  "bank questions": questions,
  "sentences of news": sentences,
})) {
  const normal = texts.map(normalise);
  const times = { numbers: [] as number[], negation: [] as number[], names: [] as number[] };
  for (let round = 0; round < 6; round++) {
    for (const guard of ["numbers", "negation", "names"] as const) {
      const guards = { numbers: false, negation: false, names: false, [guard]: true };
      const start = process.cpuUsage();
      for (const text of normal) guardSignature(text, guards);
      const { user } = process.cpuUsage(start);
      if (round > 0) times[guard].push(user / 1e6);
    }
  }
  const speed = (seconds: number[]) => Math.round(normal.length / seconds.sort((a, b) => a - b)[2]);
  const rates = (seconds: number[]) => spreadOf(seconds.map((each) => normal.length / each));
  const { numbers, negation, names } = times;
  const length = normal.reduce((sum, text) => sum + text.length, 0) / normal.length;
  speeds.add(what.toLowerCase().replaceAll(" ", "-"), {
    ...{ texts: what, characters: length },
    ...{ numbers: rates(numbers), negation: rates(negation), names: rates(names) },
  });
  row([what, length.toFixed(0), speed(times.numbers), speed(times.negation), speed(times.names)]);
}
table.write();
speeds.write();
