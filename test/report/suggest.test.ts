import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "../../src/random.js";
import { sampleByLength } from "../../src/report/calibrate/length-sample.js";
import { suggestThreshold, thresholdGrid } from "../../src/report/calibrate/suggest.js";
import { advisedGuards, mergedShares, type PlantedDamage, shownIndices } from "../../src/report/calibrate/table.js";

const thresholds = Array.from({ length: 30 }, (_, i) => 0.7 + 0.01 * i);

/** Nearest neighbours spread as real ones are: normally on the scale -log(1 - cosine). */
function neighbours(options: { ordinary: number; copies: number; from: number; seed: number }): number[] {
  const random = seededRandom(options.seed);
  const normal = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);
  return [
    ...Array.from({ length: options.ordinary }, () => 1 - Math.exp(-(0.8 + 0.15 * normal()))),
    ...Array.from({ length: options.copies }, () => options.from + (0.999 - options.from) * random()),
  ];
}

/** What a threshold removes if each near pair of `nearest` loses one text. */
const removedOf = (nearest: readonly number[]) =>
  thresholds.map((threshold) => nearest.filter((cosine) => cosine >= threshold).length / 2 / nearest.length);

describe("the suggestion", () => {
  // Damages are found up to 0.93 or so.
  const recall = thresholds.map((threshold) => 1 / (1 + Math.exp((threshold - 0.93) / 0.02)));

  it("lies in the gap between ordinary neighbours and near-duplicates, however many there are", () => {
    for (const copies of [20, 200, 900]) {
      const nearest = neighbours({ ordinary: 1000, copies, from: 0.88, seed: copies });
      const { best, basis } = suggestThreshold({
        thresholds,
        removed: removedOf(nearest),
        recall,
        hardRecall: recall,
        nearest,
      });
      assert.equal(basis, "gap");
      const wrong = nearest.slice(0, 1000).filter((cosine) => cosine >= thresholds[best]).length;
      const found = nearest.slice(1000).filter((cosine) => cosine >= thresholds[best]).length;
      assert.ok(wrong <= 2 && found >= 0.95 * copies, `${thresholds[best]}: ${wrong} wrong, ${found} of ${copies}`);
    }
  });

  it("follows the damages where there is no gap, and is the highest threshold that finds 95 % of the hardest ones", () => {
    const steps = Array.from({ length: 1000 }, (_, i) => 1 - Math.exp(-(0.5 + (3.2 * i * i) / 1e6)));
    const { best, basis } = suggestThreshold({
      thresholds,
      removed: thresholds.map((threshold) => 0.4 * Math.exp(-(threshold - 0.7) / 0.05)),
      recall,
      hardRecall: recall,
      nearest: steps,
    });
    assert.equal(basis, "damages");
    assert.ok(recall[best] >= 0.95 && recall[best + 1] < 0.95, String(thresholds[best]));
  });

  it("counts as wrong what is removed below the suggestion beyond the damages", () => {
    const nearest = neighbours({ ordinary: 1000, copies: 100, from: 0.9, seed: 4 });
    const removed = removedOf(nearest).map((share, i) => share + (thresholds[i] < 0.8 ? 0.2 : 0));
    const { best, falseMerges } = suggestThreshold({ thresholds, removed, recall, hardRecall: recall, nearest });
    assert.ok(falseMerges[0] > 0.19 && falseMerges[0] < 0.23, String(falseMerges[0]));
    assert.ok(falseMerges[best] < 0.001 && thresholds[best] >= 0.8);
  });

  it("from neighbours alone lies where ordinary ones end", () => {
    const nearest = neighbours({ ordinary: 2000, copies: 0, from: 1, seed: 5 });
    const { best, falseMerges } = suggestThreshold({ thresholds, removed: removedOf(nearest), nearest });
    const above = nearest.filter((cosine) => cosine >= thresholds[best]).length;
    assert.ok(above <= 10, `${thresholds[best]}: ${above}`);
    assert.deepEqual(falseMerges, []);
  });

  it("resolves the range where the data lie", () => {
    const grid = thresholdGrid([0.93, 0.95, 0.97, 0.99], [0.93, 0.94, 0.94]);
    assert.ok(grid[0] >= 0.92 && grid[0] <= 0.94 && grid[1] - grid[0] < 0.0026 && grid.length <= 31, String(grid));
    const wide = thresholdGrid([0.3, 0.5, 0.9], [0.1, 0.2]);
    assert.ok(wide[0] <= 0.31 && wide.length <= 31 && (wide.at(-1) as number) > 0.95, String(wide));
    assert.ok(thresholdGrid([], []).length > 1);
    assert.ok(thresholdGrid([1, 1], [1, 1]).length >= 1);
  });
});

describe("the table", () => {
  const planted: PlantedDamage[] = [
    { kind: "typo", length: "short", cosine: 0.95, equal: false },
    { kind: "typo", length: "long", cosine: 0.85, equal: false },
    { kind: "deletion", length: "long", cosine: 0.95, equal: false },
    { kind: "number", length: "short", cosine: 0.99, equal: false },
    { kind: "date", length: "short", cosine: 0.4, equal: false },
  ];

  it("counts each kind the same, however many texts have it", () => {
    const shares = mergedShares(planted, 0.9);
    assert.deepEqual(shares.found_by, { typo: 0.5, deletion: 1 });
    assert.equal(shares.found, 0.75);
    assert.deepEqual(shares.found_by_length, { short: 1, long: 0.5 });
    assert.deepEqual(shares.traps_by, { number: 1, date: 0 });
    assert.equal(mergedShares([], 0.9).found, null);
  });

  it("advises the guard for the traps that are merged", () => {
    assert.deepEqual(advisedGuards(mergedShares(planted, 0.9)), [{ guard: "numbers", merged: { number: 1 } }]);
    assert.deepEqual(advisedGuards(mergedShares(planted, 0.995)), []);
  });

  it("shows the suggested line and even steps around it", () => {
    for (let count = 1; count < 40; count++) {
      for (let best = 0; best < count; best++) {
        const shown = shownIndices(count, best);
        assert.ok(shown.includes(best) && shown.length <= 10 && shown.every((i) => i >= 0 && i < count));
      }
    }
  });
});

describe("the sample", () => {
  it("has equally many short, medium and long texts", () => {
    const lengths = Uint32Array.from({ length: 900 }, (_, i) => 1 + ((i * 7) % 300));
    const { positions, classes } = sampleByLength(lengths, 90, seededRandom(1));
    assert.equal(new Set(positions).size, 90);
    assert.deepEqual(
      classes.map(({ from, to }) => positions.filter((p) => lengths[p] >= from && lengths[p] <= to).length),
      [30, 30, 30],
    );
  });

  it("has all texts where there are no more, and one class where all have one length", () => {
    assert.equal(sampleByLength(Uint32Array.of(5, 9, 2, 2, 2, 2, 2), 100, seededRandom(1)).positions.length, 7);
    assert.deepEqual(sampleByLength(Uint32Array.of(4, 4, 4), 2, seededRandom(1)).classes, [
      { name: "medium", from: 4, to: 4 },
    ]);
  });
});
