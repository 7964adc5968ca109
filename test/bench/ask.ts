import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PairVisitor } from "../../src/report/calibrate/scan-pairs.js";
import { type CalibrationInputs, openCalibration } from "../../src/run/calibrate/inputs.js";
import { openAsk } from "../../src/run/calibrate-ask.js";
import { calibrateOptions } from "../../src/run/flags/calibrate.js";
import { contextOf, reporterOf } from "../../src/run/hooks.js";
import { sharedData } from "../data/shared.js";
import { openTable } from "./table/record.js";
import { articlePairs, changedTitles, questionPairs, type TruthCorpus } from "./truth-corpora.js";

/**
 * How many questions `calibrate --ask` needs: a simulated person answers by the truth of a corpus, and the F1 of the
 * suggestion is compared with the best one in hindsight after each answer.
 * `node ask.js [SEEDS]` prints a line for each corpus and model.
 */

const SEEDS = Number(process.argv[2] ?? 10);
const QUESTIONS = 40;
/** Thresholds at which F1 is measured. */
const STEP = 0.001;
/** Cosine below which no pair is looked at: no model here sees a near-duplicate there. */
const LOWEST = 0.25;
const GUARDS = { numbers: false, negation: false, names: false };

const table = await openTable({
  id: "ask",
  title: "Questions until a threshold",
  runs: SEEDS,
  columns: [
    { key: "corpus", title: "corpus, model" },
    { key: "best", title: "best F1", digits: 3 },
    ...[10, 20, 40].map((questions) => ({
      key: `after${questions}`,
      title: `lost after ${questions}, median (worst)`,
    })),
    { key: "ends", title: "ends after" },
  ],
});

/** Counts the true and the false pairs from each threshold on. */
class Truth implements PairVisitor {
  readonly floors: Float64Array;
  readonly #verdict: (a: number, b: number) => boolean | null;
  readonly #counts = { same: new Float64Array(1 / STEP + 2), different: new Float64Array(1 / STEP + 2) };

  constructor(count: number, verdict: (a: number, b: number) => boolean | null) {
    this.floors = new Float64Array(count).fill(LOWEST);
    this.#verdict = verdict;
  }

  visit(row: number, column: number, _least: number, _most: number, measure: () => number): void {
    const verdict = this.#verdict(row, column);
    if (verdict === null) return;
    this.#counts[verdict ? "same" : "different"][Math.max(0, Math.floor(measure() / STEP + 1e-9))]++;
  }

  /** F1 of each threshold of the grid. */
  f1(): number[] {
    const { same, different } = this.#counts;
    const all = same.reduce((sum, count) => sum + count, 0);
    let [correct, wrong] = [0, 0];
    return Array.from(same.keys())
      .reverse()
      .map((i) => {
        correct += same[i];
        wrong += different[i];
        return (2 * correct) / Math.max(1, correct + wrong + all);
      })
      .reverse();
  }
}

async function truthOf(corpus: TruthCorpus, inputs: CalibrationInputs): Promise<(threshold: number) => number> {
  const places = inputs.rowOfVector;
  const truth = new Truth(places.length, (a, b) => corpus.same(places[a], places[b]));
  await inputs.scan({ rows: inputs.allRows, earlierOnly: true, visitors: [truth] });
  const f1 = truth.f1();
  return (threshold) => f1[Math.min(f1.length - 1, Math.ceil(threshold / STEP - 1e-9))];
}

const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

/** F1 that the suggestion loses against the best one after each question, and after which question the session ended. */
async function simulate(
  corpus: TruthCorpus,
  inputs: CalibrationInputs,
  { seed, f1 }: { seed: number; f1: (threshold: number) => number },
) {
  const answers = { earlier: [], faults: { rejected: 0 }, append: async () => {}, close: async () => {} };
  const reporter = reporterOf({});
  const run = await openAsk({ inputs, answers, path: "labels.jsonl", guards: GUARDS, seed, reporter });
  const best = Math.max(...Array.from({ length: 1 / STEP + 1 }, (_, i) => f1(i * STEP)));
  const losses: number[] = [];
  let end: number | undefined;
  for (let pair = run.pair(); losses.length < QUESTIONS && pair !== undefined; pair = run.pair()) {
    await run.answer(corpus.same(...pair.rows) ?? undefined);
    losses.push(best - f1(run.session.estimate().threshold));
    if (run.session.settled) end ??= losses.length;
  }
  return { losses, best, end: end ?? losses.length };
}

async function measure(corpus: TruthCorpus, model: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "bge-bench-"));
  const path = join(folder, "texts.jsonl");
  writeFileSync(path, corpus.texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
  const runs: Awaited<ReturnType<typeof simulate>>[] = [];
  let f1: ((threshold: number) => number) | undefined;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const inputs = await openCalibration(calibrateOptions({ model, seed }, [path]), contextOf({}, [path]));
    f1 ??= await truthOf(corpus, inputs);
    runs.push(await simulate(corpus, inputs, { seed, f1 }));
    await inputs.close();
  }
  rmSync(folder, { recursive: true });
  const lossAfter = (questions: number) => runs.map(({ losses }) => losses[Math.min(questions, losses.length) - 1]);
  const shown = (losses: number[]) => `${median(losses).toFixed(3)} (${Math.max(...losses).toFixed(3)})`;
  const ends = runs.map(({ end }) => end);
  const first = runs.map(({ losses }) => {
    const behind = losses.findLastIndex((loss) => loss > 0.02);
    return behind + 2;
  });
  const name = `${corpus.name}, ${model.split("/").at(-1)}`;
  table.add(name.toLowerCase().replace(/[^a-z0-9]+/g, "-"), {
    corpus: name,
    best: runs[0].best,
    ...Object.fromEntries([10, 20, 40].map((questions) => [`after${questions}`, shown(lossAfter(questions))])),
    ends: median(ends),
  });
  console.log(
    `${corpus.name}, ${model.split("/").at(-1)}: best F1 ${runs[0].best.toFixed(3)}; lost after 10, 20, 40 questions, median (worst): ` +
      `${[10, 20, 40].map((questions) => shown(lossAfter(questions))).join(", ")}; under 0.02 for good after ${median(first)}; ` +
      `ends after ${median(ends)}, losing ${shown(runs.map(({ losses, end }) => losses[end - 1]))}`,
  );
}

const data = sharedData(".");
const potion = join(data, "models/potion-en");
await measure(changedTitles(data, { count: 2000, share: 0.2, seed: 1 }), "builtin");
await measure(articlePairs(data, 1000), "builtin");
await measure(articlePairs(data, 1000), potion);
await measure(questionPairs(1), "builtin");
table.write();
