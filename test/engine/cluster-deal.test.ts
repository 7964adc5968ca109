import assert from "node:assert/strict";
import { test } from "node:test";
import { createDeal } from "../../src/engine/cluster/deal.js";

/** A deal of the shards 0 to count - 1. */
function dealOf(count: number) {
  const deal = createDeal();
  const shards = Array.from({ length: count }, (_, shard) => `${shard}`);
  for (const shard of shards) deal.add(shard);
  return { ...deal, holders: () => shards.map(deal.holder).join("") };
}

const nothing = () => false;

test("nobody holds a shard before there is a worker, and one alone holds all", () => {
  const deal = dealOf(4);
  deal.update([], nothing);
  assert.equal(deal.holders(), "");
  deal.update(["a"], nothing);
  assert.equal(deal.holders(), "aaaa");
});

test("shards are dealt evenly, and stay with their holders", () => {
  const deal = dealOf(5);
  deal.update(["a", "b"], nothing);
  const before = deal.holders();
  assert.equal(before, "ababa");
  deal.update(["b", "a"], nothing);
  assert.equal(deal.holders(), before);
});

test("a worker that comes late takes a shard that is waiting before one that is done", () => {
  const deal = dealOf(4);
  deal.update(["a"], nothing);
  deal.update(["a", "b"], (shard) => shard === "1");
  assert.equal(deal.holder("1"), "b");
  assert.deepEqual([deal.shardsOf("a").length, deal.shardsOf("b").length], [2, 2]);
});

test("only the shards of a lost worker move", () => {
  const deal = dealOf(6);
  deal.update(["a", "b", "c"], nothing);
  assert.equal(deal.holders(), "abcabc");
  deal.update(["a", "c"], nothing);
  assert.equal(deal.holders(), "aacacc");
  deal.update(["c"], nothing);
  assert.equal(deal.holders(), "cccccc");
});

test("more workers than shards: the others wait, and one of them takes over", () => {
  const deal = dealOf(2);
  deal.update(["a", "b", "c"], nothing);
  assert.equal(deal.holders(), "ab");
  deal.update(["b", "c"], nothing);
  assert.equal(deal.holders(), "cb");
});

test("a worker that is avoided gets nothing while there is another one, and all where there is none", () => {
  const deal = dealOf(3);
  deal.update(["a", "b"], nothing);
  deal.avoid("a");
  deal.update(["a", "b"], nothing);
  assert.equal(deal.holders(), "bbb");
  deal.update(["a"], nothing);
  assert.equal(deal.holders(), "aaa");
});

test("where all workers are avoided, the last one stays so: a worker that never answers keeps no shard", () => {
  const deal = dealOf(2);
  deal.update(["a", "b"], nothing);
  for (const [slow, other] of ["ab", "ba", "ab", "ba"]) {
    deal.avoid(slow);
    deal.update(["a", "b"], nothing);
    assert.equal(deal.holders(), other + other);
  }
});

test("shards of a run that has ended are forgotten", () => {
  const deal = dealOf(2);
  deal.update(["a", "b"], nothing);
  deal.remove("1");
  assert.deepEqual(deal.shardsOf("b"), []);
  assert.equal(deal.holder("1"), undefined);
});
