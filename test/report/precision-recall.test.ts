import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  averagePrecision,
  bestF1,
  operatingPoints,
  roundest,
  thresholdForPrecision,
} from "../../src/report/calibrate/precision-recall.js";
import { seededRandom } from "../faults/random.js";

const SCORES = [0.97, 0.95, 0.95, 0.93, 0.91, 0.91, 0.88, 0.86, 0.84, 0.8, 0.77, 0.61];
const LABELS = [1, 1, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0];

/** scikit-learn 1.9.1 for the pairs above, thresholds ascending: precision_recall_curve, average_precision_score, f1_score. */
const SKLEARN = {
  thresholds: [0.61, 0.77, 0.8, 0.84, 0.86, 0.88, 0.91, 0.93, 0.95, 0.97],
  precision: [
    0.5833333333333334, 0.6363636363636364, 0.6, 0.6666666666666666, 0.75, 0.7142857142857143, 0.8333333333333334, 0.75,
    0.6666666666666666, 1,
  ],
  recall: [
    1, 1, 0.8571428571428571, 0.8571428571428571, 0.8571428571428571, 0.7142857142857143, 0.7142857142857143,
    0.42857142857142855, 0.2857142857142857, 0.14285714285714285,
  ],
  f1: [
    0.7368421052631579, 0.7777777777777778, 0.7058823529411765, 0.75, 0.8, 0.7142857142857143, 0.7692307692307693,
    0.5454545454545454, 0.4, 0.25,
  ],
  average: 0.7813852813852815,
};

const points = operatingPoints({ scores: Float64Array.from(SCORES), same: Uint8Array.from(LABELS) });

describe("precision and recall of labelled pairs", () => {
  it("are those of scikit-learn at every threshold", () => {
    const ascending = [...points].reverse();
    assert.deepEqual(
      ascending.map(({ cosine }) => cosine),
      SKLEARN.thresholds,
    );
    for (const [name, values] of [
      ["precision", SKLEARN.precision],
      ["recall", SKLEARN.recall],
      ["f1", SKLEARN.f1],
    ] as const) {
      for (const [i, value] of values.entries()) {
        assert.ok(Math.abs(ascending[i][name] - value) < 1e-15, `${name} at ${SKLEARN.thresholds[i]}`);
      }
    }
    assert.ok(Math.abs(averagePrecision(points) - SKLEARN.average) < 1e-15);
    assert.equal(bestF1(points)?.cosine, 0.86);
  });

  it("count what their thresholds merge, also by the rounded thresholds", () => {
    const random = seededRandom(7);
    const scores = Float64Array.from({ length: 500 }, () => Math.floor(random.fraction() * 3000) / 3000);
    const same = Uint8Array.from(scores, (score) => Number(random.fraction() < score));
    for (const { threshold, merged, correct } of operatingPoints({ scores, same })) {
      const chosen = [...scores.keys()].filter((pair) => scores[pair] >= threshold);
      assert.equal(chosen.length, merged);
      assert.equal(
        chosen.reduce((sum, pair) => sum + same[pair], 0),
        correct,
      );
    }
  });

  it("never merge a pair that is kept apart, which lowers recall", () => {
    const apart = operatingPoints({
      scores: Float64Array.of(0.9, Number.NEGATIVE_INFINITY, 0.8),
      same: Uint8Array.of(1, 1, 0),
    });
    assert.deepEqual(
      apart.map(({ merged, recall }) => [merged, recall]),
      [
        [1, 0.5],
        [2, 0.5],
      ],
    );
    assert.deepEqual(operatingPoints({ scores: Float64Array.of(-Infinity), same: Uint8Array.of(1) }), []);
  });
});

describe("the roundest number between two cosines", () => {
  it("has as few decimals as separate them", () => {
    assert.equal(roundest(0.9288, 0.9341), 0.93);
    assert.equal(roundest(0.41, 0.9341), 0.9);
    assert.equal(roundest(0.95, 0.9501), 0.9501);
    assert.equal(roundest(Number.NEGATIVE_INFINITY, 1), 1);
  });

  it("lies above the one and not above the other, whatever they are", () => {
    const random = seededRandom(3);
    for (let i = 0; i < 20_000; i++) {
      const top = random.fraction() * 2 - 1;
      const below = top - 10 ** (-random.below(16) - 1) * random.fraction();
      if (below === top) continue;
      const number = roundest(below, top);
      assert.ok(number > below && number <= top, `${below} < ${number} <= ${top}`);
    }
  });
});

describe("the threshold of a wanted precision", () => {
  it("is the lowest that reaches it, within an interval of those that may", () => {
    const { reached, possible, proven } = thresholdForPrecision(points, 0.8);
    assert.equal(reached?.cosine, 0.91);
    assert.equal(possible?.cosine, 0.61, "12 pairs hardly exclude anything");
    assert.equal(proven, undefined, "nor do they prove anything");
  });

  it("has an interval that holds the true threshold in 95 % of samples", () => {
    // The share of same pairs grows evenly from 0 at cosine 0 to 1 at cosine 1, so merging from t on has precision (1 + t) / 2.
    const random = seededRandom(11);
    const wanted = 0.85;
    const truth = 2 * wanted - 1;
    let covered = 0;
    const samples = 400;
    for (let s = 0; s < samples; s++) {
      const scores = Float64Array.from({ length: 300 }, () => random.fraction());
      const same = Uint8Array.from(scores, (score) => Number(random.fraction() < score));
      const { possible, proven } = thresholdForPrecision(operatingPoints({ scores, same }), wanted);
      if ((possible?.threshold ?? 1) <= truth && truth <= (proven?.threshold ?? 1)) covered++;
    }
    assert.ok(covered / samples >= 0.925, `${covered} of ${samples} intervals hold the threshold`);
  });
});
