import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { seededRandom } from "../../src/random.js";
import { sampleByLength } from "../../src/report/calibrate/length-sample.js";
import { estimate, suggestFromBackground, thresholdGrid } from "../../src/report/calibrate/suggest.js";
import { advisedGuards, mergedShares, type PlantedDamage, shownIndices } from "../../src/report/calibrate/table.js";

const thresholds = Array.from({ length: 30 }, (_, i) => 0.7 + 0.01 * i);
/** Damages fall off towards 1, false pairs fall off fast. */
const recall = thresholds.map((threshold) => 1 / (1 + Math.exp((threshold - 0.93) / 0.02)));
const wrong = thresholds.map((threshold) => Math.exp(-(threshold - 0.7) / 0.02));

describe("the suggestion", () => {
  it("finds the number of near-duplicates and the threshold of the best F1", () => {
    for (const duplicates of [0.02, 0.1, 0.4]) {
      const removed = recall.map((share, i) => Math.min(1, duplicates * share + (1 - duplicates) * wrong[i]));
      const guess = estimate({ thresholds, removed, recall, texts: 100_000 });
      assert.ok(Math.abs(guess.duplicates / duplicates - 1) < 0.1, `${guess.duplicates} of ${duplicates}`);
      const f1 = thresholds.map((_, i) => (2 * duplicates * recall[i]) / (removed[i] + duplicates));
      assert.ok(Math.max(...f1) - f1[guess.best] < 0.02, `${thresholds[guess.best]}`);
      assert.ok(Math.abs(guess.falseMerges[0] - (removed[0] - duplicates * recall[0])) < 0.05);
    }
  });

  it("takes the strictest of equally good thresholds", () => {
    const flat = thresholds.map((threshold) => Number(threshold < 0.895));
    const { best } = estimate({ thresholds, removed: flat.map((share) => 0.05 * share), recall: flat, texts: 1000 });
    assert.equal(thresholds[best].toFixed(2), "0.89");
  });

  it("from the background lies where ordinary neighbours end", () => {
    const random = seededRandom(5);
    const normal = () => Array.from({ length: 12 }, random).reduce((sum, value) => sum + value, -6);
    const ordinary = Array.from({ length: 2000 }, () => 0.75 + 0.03 * normal());
    const copies = Array.from({ length: 300 }, () => 0.97);
    const at = thresholds[suggestFromBackground(thresholds, [...ordinary, ...copies])];
    assert.ok(at > 0.82 && at < 0.89, String(at));
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
