import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type Batch, joinLengths } from "../../src/embed/local/batching.js";

/** Groups of the given numbers of texts, the longest first; a group's length is drawn with it. */
const someGroups = fc
  .uniqueArray(fc.record({ length: fc.integer({ min: 1, max: 64 }), rows: fc.integer({ min: 1, max: 9 }) }), {
    selector: ({ length }) => length,
    maxLength: 9,
  })
  .map((groups): Batch[] => {
    let next = 0;
    return groups
      .sort((a, b) => b.length - a.length)
      .map(({ length, rows }) => ({ length, members: Int32Array.from({ length: rows }, () => next++) }));
  });

/** Padded tokens of groups and what their runs cost. */
function costOf(groups: readonly Batch[], { runTokens, budget }: { runTokens: number; budget: number }): number {
  let cost = 0;
  for (const { length, members } of groups) {
    const rows = Math.max(1, Math.floor(budget / length));
    cost += members.length * length + runTokens * Math.ceil(members.length / rows);
  }
  return cost;
}

/** All divisions of groups into neighbours, each joined to a group of the first one's length. */
function* divisions(groups: readonly Batch[]): Generator<Batch[]> {
  if (groups.length === 0) yield [];
  for (let end = 1; end <= groups.length; end++) {
    const members = Int32Array.from(groups.slice(0, end).flatMap((group) => [...group.members]));
    for (const rest of divisions(groups.slice(end))) yield [{ length: groups[0].length, members }, ...rest];
  }
}

describe("groups of equal length that are joined for a device", () => {
  it("are divided as cheaply as any division, and every text is padded enough", () => {
    fc.assert(
      fc.property(
        someGroups,
        fc.integer({ min: 1, max: 300 }),
        fc.integer({ min: 1, max: 400 }),
        (groups, runTokens, budget) => {
          const options = { runTokens, budget };
          const joined = joinLengths(groups, options);
          const least = Math.min(...[...divisions(groups)].map((division) => costOf(division, options)));
          assert.equal(costOf(joined, options), least);
          const lengthOf = new Map(groups.flatMap(({ members, length }) => [...members].map((text) => [text, length])));
          for (const { members, length } of joined) {
            for (const text of members) {
              assert.ok(length >= (lengthOf.get(text) ?? Number.POSITIVE_INFINITY));
              lengthOf.delete(text);
            }
          }
          assert.equal(lengthOf.size, 0);
        },
      ),
    );
  });

  it("stay as they are where a run costs nothing beside its tokens", () => {
    fc.assert(
      fc.property(someGroups, fc.integer({ min: 1, max: 400 }), (groups, budget) => {
        assert.deepEqual(joinLengths(groups, { runTokens: 0, budget }), groups);
      }),
    );
  });

  it("stay apart where each fills runs of its own", () => {
    const groups = [100, 99].map((length, i) => ({ length, members: new Int32Array(1000).fill(i) }));
    assert.deepEqual(joinLengths(groups, { runTokens: 10, budget: 1000 }), groups);
  });

  it("become one run where a run costs more than any padding", () => {
    const groups = [100, 50, 1].map((length, i) => ({ length, members: Int32Array.of(i) }));
    assert.deepEqual(joinLengths(groups, { runTokens: 1000, budget: 1000 }), [
      { length: 100, members: Int32Array.of(0, 1, 2) },
    ]);
  });
});
