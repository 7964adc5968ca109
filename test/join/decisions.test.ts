import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ExactTexts } from "../../src/exact/exact.js";
import { parseKeepPolicy, RowOrder } from "../../src/exact/priority.js";
import { exactDecisions } from "../../src/exact/winners.js";
import { decisionsFrom, vectorPriority } from "../../src/join/decisions.js";
import { hash128 } from "../../src/run/read/hash.js";

/** Rows of three groups: two equal ones and one in capitals, one on its own, a rejected one, an empty text without a vector. */
const TEXTS = ["aa", "aa", null, "AA", "ab", ""];

async function decisionsOf(options: {
  policy: string;
  keptBy: number[];
  similarity: number[];
  guardedFrom?: number[];
}) {
  const { policy, keptBy, similarity, guardedFrom = keptBy.map(() => -1) } = options;
  const exact = new ExactTexts({ hash128 });
  const order = new RowOrder(parseKeepPolicy(policy));
  for (const text of TEXTS) {
    exact.add(text);
    order.add(text, null);
  }
  const { winner, size } = exactDecisions(exact, (a, b) => order.compare(a, b));
  const vectorOfGroup = Int32Array.of(0, 1, -1);
  const groupOfVector = Int32Array.of(0, 1);
  const join = {
    keptBy: Int32Array.from(keptBy),
    similarity: Float64Array.from(similarity),
    guardedFrom: Int32Array.from(guardedFrom),
    measured: 0,
  };
  const decisions = decisionsFrom({ exact, winner, size, vectorOfGroup, groupOfVector, join });
  const rows = TEXTS.map((_, row) => row).filter((row) => TEXTS[row] !== null);
  return { decisions, order: await vectorPriority(winner, groupOfVector, order, async () => {}), rows };
}

describe("decisions", () => {
  it("without a near-duplicate: each group keeps its winner, the others go as exact or normalized", async () => {
    const { decisions, rows } = await decisionsOf({ policy: "first", keptBy: [-1, -1], similarity: [0, 0] });
    assert.deepEqual(rows.map(decisions.keptRow), [0, 0, 0, 4, 5]);
    assert.equal(decisions.keptRow(2), -1, "the rejected row has none");
    assert.deepEqual([decisions.reason(1), decisions.reason(3)], ["exact", "normalized"]);
    assert.deepEqual([decisions.similarity(1), decisions.similarity(3)], [1, 1]);
    assert.deepEqual([0, 4, 5].map(decisions.groupSize), [3, 1, 1]);
    assert.deepEqual(rows.map(decisions.vector), [0, 0, 0, 1, -1]);
    assert.deepEqual([0, 4, 5].map(decisions.guardedFrom), [-1, -1, -1]);
  });

  it("every row of a removed group, its winner too, goes on account of the kept row: no chains", async () => {
    const { decisions, rows } = await decisionsOf({ policy: "last", keptBy: [1, -1], similarity: [0.9, 0] });
    assert.deepEqual(rows.map(decisions.keptRow), [4, 4, 4, 4, 5]);
    assert.deepEqual([0, 1, 3].map(decisions.reason), ["semantic", "semantic", "semantic"]);
    assert.deepEqual([0, 1, 3].map(decisions.similarity), [0.9, 0.9, 0.9]);
    assert.equal(decisions.groupSize(4), 4);
  });

  it("the row that stays for a group is the policy's, and vectors are visited in the order of those rows", async () => {
    const { decisions, order } = await decisionsOf({ policy: "last", keptBy: [-1, 0], similarity: [0, 0.8] });
    assert.deepEqual([0, 1, 3, 4].map(decisions.keptRow), [3, 3, 3, 3]);
    assert.deepEqual([0, 1, 4].map(decisions.reason), ["normalized", "normalized", "semantic"]);
    assert.deepEqual([...order], [1, 0]);
    assert.deepEqual([...(await decisionsOf({ policy: "first", keptBy: [-1, -1], similarity: [0, 0] })).order], [0, 1]);
  });

  it("a pair that a guard keeps apart is reported by row numbers", async () => {
    const { decisions } = await decisionsOf({
      policy: "last",
      keptBy: [-1, -1],
      similarity: [0, 0],
      guardedFrom: [-1, 0],
    });
    assert.equal(decisions.guardedFrom(4), 3);
    assert.equal(decisions.guardedFrom(3), -1);
    assert.equal(decisions.guardedFrom(5), -1);
  });
});
