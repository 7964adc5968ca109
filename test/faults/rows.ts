import { seededRandom } from "./random.js";

const WORDS = "reset password parcel refund invoice order account address delivery payment label code".split(" ");

/** JSONL of some words a row, with near and exact copies and one bad line, so that every stage has something to do. */
export function faultCorpus({ rows, seed }: { rows: number; seed: number }): string {
  const random = seededRandom(seed);
  const lines: string[] = [];
  for (let i = 0; i < rows; i++) {
    const text = Array.from(
      { length: 8 + random.below(12) },
      () => WORDS[random.below(WORDS.length)] + random.below(40),
    );
    lines.push(JSON.stringify({ id: i, text: text.join(" ") }));
    if (random.below(4) === 0) lines.push(JSON.stringify({ id: -i, text: `${text.join(" ")}.` }));
    if (random.below(16) === 0) lines.push(JSON.stringify({ id: null, text: text.join(" ") }));
  }
  return `${lines.join("\n")}\nno record\n`;
}
