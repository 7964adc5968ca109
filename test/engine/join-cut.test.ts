import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  blocksOfRowGroup,
  countDropTasks,
  cutOfJoin,
  dropTask,
  partsOfDrop,
  rangeOfBlock,
  rowGroupOfBlock,
} from "../../src/engine/join/cut.js";

describe("the cut of the join", () => {
  it("puts every vector in one block, for any number of vectors and workers", () => {
    for (const vectors of [1, 2, 4095, 4097, 100_000, 10_000_000, 2 ** 31 - 1]) {
      for (const workers of [1, 2, 7, 64, 1000]) {
        const cut = cutOfJoin({ vectors, workers });
        const ranges = Array.from({ length: cut.blocks }, (_, block) => rangeOfBlock(block, cut));
        assert.equal(ranges[0][0], 0);
        assert.equal(ranges.at(-1)?.[1], vectors);
        for (const [block, [first, end]] of ranges.entries()) {
          assert.ok(end > first, `block ${block} of ${vectors} by ${workers} is empty`);
          if (block > 0) assert.equal(first, ranges[block - 1][1]);
        }
        assert.ok(cut.rowGroups >= 1 && cut.rowGroups <= Math.min(workers, cut.blocks));
      }
    }
  });

  it("takes the block that the user has chosen, and makes no block of nothing", () => {
    assert.equal(cutOfJoin({ vectors: 1000, workers: 3, blockVectors: 300 }).blocks, 4);
    assert.equal(cutOfJoin({ vectors: 0, workers: 3 }).blocks, 0);
  });

  it("lets each block drop each later row group once, numbered without gaps, nearest group first", () => {
    for (let blocks = 0; blocks < 9; blocks++) {
      for (let rowGroups = 1; rowGroups <= Math.max(1, blocks); rowGroups++) {
        const cut = { vectors: blocks, blockVectors: 1, blocks, rowGroups };
        const expected: { block: number; group: number }[] = [];
        for (let block = 0; block < blocks; block++) {
          const later = Array.from({ length: Math.max(0, blocks - block - 2) }, (_, i) => (block + 2 + i) % rowGroups);
          for (const group of new Set(later)) expected.push({ block, group });
        }
        assert.equal(countDropTasks(cut), expected.length, `${blocks} blocks in ${rowGroups} groups`);
        for (const [task, parts] of expected.entries()) {
          assert.deepEqual(partsOfDrop(task, cut), parts);
          assert.equal(dropTask(parts.block, parts.group, cut), task);
        }
      }
    }
  });

  it("knows the blocks of a row group from any block on", () => {
    const cut = { vectors: 10, blockVectors: 1, blocks: 10, rowGroups: 4 };
    for (let group = 0; group < 4; group++) {
      for (let from = 0; from < 12; from++) {
        const expected = Array.from({ length: 10 }, (_, block) => block).filter(
          (block) => block >= from && rowGroupOfBlock(block, cut) === group,
        );
        assert.deepEqual(blocksOfRowGroup(group, from, cut), expected);
      }
    }
  });
});
