import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PairVisitor } from "../../src/report/calibrate/scan-pairs.js";
import { timedReporter } from "../../src/reporter.js";
import type { CalibrationInputs } from "../../src/run/calibrate/inputs.js";
import { openCalibration } from "../../src/run/calibrate/inputs.js";
import { calibrateInputs } from "../../src/run/calibrate.js";
import { type CalibrateFlags, calibrateOptions } from "../../src/run/flags/calibrate.js";
import { contextOf, reporterOf } from "../../src/run/hooks.js";
import { sharedData } from "../data/shared.js";
import { openTable } from "./table/record.js";
import {
  articlePairs,
  bankIntents,
  changedTitles,
  questionPairs,
  stsbPairs,
  type TruthCorpus,
} from "./truth-corpora.js";

/**
 * The threshold that calibrate suggests, against the best one in hindsight, on corpora whose near-duplicates are known.
 * `node calibrate.js` prints the table; `--endpoint URL` adds a model behind a server, on small corpora;
 * `--evidence FILE` writes what is known at each threshold.
 */

const table = await openTable({
  id: "calibrate",
  title: "The suggested threshold",
  columns: [
    { key: "corpus", title: "corpus" },
    { key: "model", title: "model" },
    { key: "best", title: "best", digits: 4 },
    { key: "bestF1", title: "F1", digits: 3 },
    { key: "suggested", title: "suggested" },
    { key: "f1", title: "F1", digits: 3 },
    { key: "lost", title: "lost", digits: 3 },
    { key: "lostByDefault", title: "lost by the model's default", digits: 3 },
  ],
});

/** Thresholds at which F1 is measured. */
const STEP = 0.0025;
const LOWEST = 0.3;
const GRID = Array.from({ length: Math.round((1 - LOWEST) / STEP) + 1 }, (_, i) => LOWEST + i * STEP);

/** Counts the true and the false pairs of a corpus from each threshold on. */
class TruthCurve implements PairVisitor {
  readonly floors: Float64Array;
  readonly #same = new Float64Array(GRID.length + 1);
  readonly #different = new Float64Array(GRID.length + 1);
  readonly #corpus: TruthCorpus;
  readonly #places: readonly number[];

  /** @param places of the distinct texts in the corpus, by position */
  constructor(corpus: TruthCorpus, places: readonly number[]) {
    this.floors = new Float64Array(places.length).fill(LOWEST);
    this.#corpus = corpus;
    this.#places = places;
  }

  visit(row: number, column: number, _least: number, _most: number, measure: () => number): void {
    const [a, b] = [this.#places[row], this.#places[column]];
    const same = this.#corpus.same(a, b);
    if (!same && this.#corpus.unknown?.(a, b)) return;
    const at = Math.floor((measure() - LOWEST) / STEP + 1e-9);
    (same ? this.#same : this.#different)[Math.max(0, Math.min(at, GRID.length))]++;
  }

  /** F1 at each threshold of the grid. @param all number of true pairs, those below the grid too */
  f1(all: number): number[] {
    let [same, different] = [0, 0];
    return GRID.map((_, i) => i)
      .reverse()
      .map((i) => {
        same += this.#same[i] + (i === GRID.length - 1 ? this.#same[i + 1] : 0);
        different += this.#different[i] + (i === GRID.length - 1 ? this.#different[i + 1] : 0);
        return (2 * same) / Math.max(1, same + different + all);
      })
      .reverse();
  }
}

/** Number of true pairs of distinct texts. */
function truePairs({ same }: TruthCorpus, places: readonly number[]): number {
  let all = 0;
  for (const [i, a] of places.entries()) for (let j = 0; j < i; j++) if (same(places[j], a)) all++;
  return all;
}

async function truthOf(corpus: TruthCorpus, inputs: CalibrationInputs): Promise<number[]> {
  const places = Array.from(inputs.rowOfVector);
  const curve = new TruthCurve(corpus, places);
  await inputs.scan({ rows: inputs.allRows, earlierOnly: true, visitors: [curve] });
  return curve.f1(truePairs(corpus, places));
}

interface Evidence {
  readonly corpus: string;
  readonly model: string;
  readonly grid: readonly number[];
  readonly f1: readonly number[];
  readonly calibration: unknown;
}

async function measure(corpus: TruthCorpus, label: string, flags: CalibrateFlags): Promise<Evidence> {
  const folder = mkdtempSync(join(tmpdir(), "bge-calibrate-"));
  try {
    const path = join(folder, "input.jsonl");
    writeFileSync(path, corpus.texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
    const options = calibrateOptions(flags, [path]);
    const inputs = await openCalibration(options, contextOf({}, [path]));
    try {
      const calibration = await calibrateInputs(inputs, { options, reporter: timedReporter(reporterOf({})) });
      const f1 = await truthOf(corpus, inputs);
      const best = f1.indexOf(Math.max(...f1));
      const { threshold } = calibration.suggestion;
      const own = f1[Math.round((threshold - LOWEST) / STEP)] ?? 0;
      const usual = f1[Math.round((calibration.model.threshold - LOWEST) / STEP)] ?? 0;
      const cells = [corpus.name, label, GRID[best].toFixed(4), f1[best].toFixed(3), threshold, own.toFixed(3)];
      console.log(`| ${[...cells, (f1[best] - own).toFixed(3), (f1[best] - usual).toFixed(3)].join(" | ")} |`);
      const lost = { lost: f1[best] - own, lostByDefault: f1[best] - usual };
      table.add(`${corpus.name}-${label}`.toLowerCase().replace(/[^a-z0-9]+/g, "-"), {
        ...{ corpus: corpus.name, model: label, best: GRID[best], bestF1: f1[best], suggested: threshold, f1: own },
        ...lost,
      });
      return { corpus: corpus.name, model: label, grid: GRID, f1, calibration };
    } finally {
      await inputs.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const DATA = sharedData(".");
const value = (flag: string) => process.argv[process.argv.indexOf(flag) + 1];
const english = [articlePairs(DATA, 1000), articlePairs(DATA, 2500), stsbPairs(DATA), bankIntents(DATA)];
const chinese = [
  changedTitles(DATA, { count: 4000, share: 0.05, seed: 1 }),
  changedTitles(DATA, { count: 4000, share: 0.01, seed: 2 }),
  changedTitles(DATA, { count: 3000, share: 0.3, seed: 3 }),
  questionPairs(1),
];
const runs: [TruthCorpus, string, CalibrateFlags][] = [
  ...[...english, ...chinese].map((corpus): [TruthCorpus, string, CalibrateFlags] => [corpus, "builtin", {}]),
  ...english.map((corpus): [TruthCorpus, string, CalibrateFlags] => [
    corpus,
    "potion-en",
    { model: sharedData("models/potion-en") },
  ]),
  ...chinese.map((corpus): [TruthCorpus, string, CalibrateFlags] => [
    corpus,
    "tencent-zh",
    { model: sharedData("models/tencent-zh") },
  ]),
];
if (process.argv.includes("--endpoint")) {
  const endpoint = { endpoint: value("--endpoint"), sample: 60 };
  const small = [changedTitles(DATA, { count: 700, share: 0.1, seed: 4 })];
  runs.splice(
    0,
    runs.length,
    ...small.map((corpus): [TruthCorpus, string, CalibrateFlags] => [corpus, "served", endpoint]),
  );
}
console.log(
  "| corpus | model | best | F1 | suggested | F1 | lost | lost by the model's default |\n|---|---|---|---|---|---|---|---|",
);
const evidence: Evidence[] = [];
for (const [corpus, label, flags] of runs) {
  evidence.push(await measure(corpus, label, { sample: 300, ...flags }));
  if (process.argv.includes("--evidence")) writeFileSync(value("--evidence"), JSON.stringify(evidence));
}
table.write();
