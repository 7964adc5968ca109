import { readFileSync } from "node:fs";
import { join } from "node:path";
import { normalise } from "../../src/text/normalise.js";

/** Readers of the evaluation data beside the checkout, as distinct texts (after normalisation) in file order. */

function distinct(texts: readonly string[]): string[] {
  const seen = new Map<string, string>();
  for (const text of texts) {
    const key = normalise(text);
    if (key !== "" && !seen.has(key)) seen.set(key, text);
  }
  return [...seen.values()];
}

function firstColumn(path: string): string[] {
  return distinct(
    readFileSync(path, "utf8")
      .split(/\r?\n/)
      .map((line) => line.split("\t")[0]),
  );
}

/** Chinese news titles, about 20 characters. */
export const tnewsTitles = (data: string): string[] => firstColumn(join(data, "zh-tnews/train.tsv"));

/** Chinese reviews, about 100 characters, some over 1,000. */
export const reviews = (data: string): string[] => firstColumn(join(data, "zh-chnsenticorp/train.tsv"));

/** English questions to a bank, about 12 words. */
export function bankQuestions(data: string): string[] {
  const lines = readFileSync(join(data, "en-banking77/train.csv"), "utf8").split(/\r?\n/).slice(1);
  return distinct(lines.map((line) => line.slice(0, line.lastIndexOf(",")).replace(/^"|"$/g, "")));
}

/** English news articles and the pairs (positions, left < right) that are copies of each other. */
export function articles(data: string, count: 100 | 1000 | 2500): { texts: string[]; truth: [number, number][] } {
  const base = join(data, `en-minhash-articles/articles_${count}`);
  const lines = readFileSync(`${base}.train`, "utf8").trim().split("\n");
  const position = new Map(lines.map((line, row) => [line.slice(0, line.indexOf(" ")), row]));
  const truth = readFileSync(`${base}.truth`, "utf8").trim().split("\n");
  return {
    texts: lines.map((line) => line.slice(line.indexOf(" ") + 1)),
    truth: truth.map((line) => {
      const [a, b] = line
        .trim()
        .split(/\s+/)
        .map((id) => position.get(id) as number);
      return a < b ? [a, b] : [b, a];
    }),
  };
}
