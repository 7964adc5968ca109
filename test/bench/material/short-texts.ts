import { readFileSync } from "node:fs";
import { join } from "node:path";
import { below, type Random, seededRandom } from "../../../src/random.js";
import { normalise } from "../../../src/text/normalise.js";
import { tnewsTitles } from "../corpora.js";
import { ROOT } from "../table/root.js";

/** Distinct texts that differ in two numbers drawn at random, as logs and tables have them. */
export function templatedTexts(rows: number, seed: number): string[] {
  const random = seededRandom(seed);
  const texts = new Set<string>();
  while (texts.size < rows) texts.add(`row number ${below(random, 1e4)} of the customer table ${below(random, 1e4)}`);
  return [...texts];
}

/** Short texts to recombine: news titles from the data beside the checkout, else the texts of fixtures/faq.jsonl. */
export function sourceTitles(data: string | undefined): string[] {
  if (data !== undefined) return tnewsTitles(data);
  const lines = readFileSync(join(ROOT, "fixtures/faq.jsonl"), "utf8").trim().split("\n");
  return [...new Set(lines.map((line) => normalise((JSON.parse(line) as { text: string }).text)))];
}

/** Shares of the 53,360 titles as they are: those that copy an earlier one exactly, and those that builtin removes besides. */
const EXACT = 0.068;
const NEAR = 0.008;

/** Cuts a title in two, at a character near its middle. */
function halves(title: string, random: Random): [string, string] {
  const characters = Array.from(title);
  const cut = Math.max(1, Math.floor(characters.length * (0.35 + 0.3 * random())));
  return [characters.slice(0, cut).join(""), characters.slice(cut).join("")];
}

/**
 * Any number of short texts, the same for the same seed: the head of one title with the tail of another. Seven in a hundred
 * copy an earlier text, and eight in a thousand lack a character of one, which are the shares of exact copies and of
 * near-duplicates among real titles.
 */
export function* recombinedTexts(
  titles: readonly string[],
  options: { rows: number; seed: number },
): Generator<string> {
  const { rows, seed } = options;
  const random = seededRandom(seed);
  // The latest texts, so that a million need no memory for copies.
  const recent: string[] = [];
  for (let row = 0; row < rows; row++) {
    const kind = row === 0 ? 1 : random();
    let text = "";
    if (kind < EXACT + NEAR) {
      text = recent[below(random, recent.length)];
      if (kind >= EXACT) {
        const characters = Array.from(text);
        text = characters.toSpliced(below(random, characters.length), 1).join("");
      }
    } else {
      const [head, tail] = [0, 1].map((side) => halves(titles[below(random, titles.length)], random)[side]);
      text = head + tail;
    }
    recent[row % 10_000] = text;
    yield text;
  }
}
