import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { membersByDistance, outlierShares } from "../../src/cluster/members.js";

const clustered = fc
  .array(
    fc.record({ cluster: fc.nat(3), distance: fc.integer({ min: 0, max: 6 }), weight: fc.integer({ min: 1, max: 3 }) }),
  )
  .map((rows) => ({
    assignment: Int32Array.from(rows, ({ cluster }) => cluster),
    distances: Float32Array.from(rows, ({ distance }) => distance / 7),
    weights: Uint32Array.from(rows, ({ weight }) => weight),
    k: 4,
  }));

test("the members of each cluster come in the order of their distance, equal ones in the order of their rows", () => {
  fc.assert(
    fc.property(clustered, ({ assignment, distances, k }) => {
      const { rows, starts } = membersByDistance({ assignment, distances, k });
      for (let j = 0; j < k; j++) {
        const expected = [...assignment.keys()]
          .filter((row) => assignment[row] === j)
          .sort((a, b) => distances[a] - distances[b] || a - b);
        assert.deepEqual([...rows.subarray(starts[j], starts[j + 1])], expected);
      }
    }),
  );
});

test("an outlier share is the share of the cluster's other rows that are nearer, by a count over all pairs", () => {
  fc.assert(
    fc.property(clustered, ({ assignment, distances, weights, k }) => {
      const shares = outlierShares({ members: membersByDistance({ assignment, distances, k }), distances, weights });
      for (let row = 0; row < assignment.length; row++) {
        let [nearer, others] = [0, -1];
        for (let other = 0; other < assignment.length; other++) {
          if (assignment[other] !== assignment[row]) continue;
          others += weights[other];
          if (distances[other] < distances[row]) nearer += weights[other];
        }
        assert.equal(shares[row], Math.fround(others === 0 ? 0 : nearer / others));
      }
    }),
  );
});

test("the nearest row has 0, the farthest 1, equal rows the same, and a row alone 0", () => {
  const shares = (distances: number[], assignment = distances.map(() => 0)) => {
    const found = { assignment: Int32Array.from(assignment), distances: Float32Array.from(distances), k: 2 };
    return [...outlierShares({ ...found, members: membersByDistance(found) })];
  };
  assert.deepEqual(shares([0.5, 0.1, 0.9]), [0.5, 0, 1]);
  assert.deepEqual(shares([0.3, 0.3, 0.3]), [0, 0, 0]);
  assert.deepEqual(shares([0.1, 0.3, 0.3], [0, 0, 0]), [0, 0.5, 0.5]);
  assert.deepEqual(shares([0.7, 0.2], [1, 0]), [0, 0]);
  assert.deepEqual(shares([]), []);
});
