import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LocalHost } from "../../src/dedup/column-host.js";
import { dealGroups } from "../../src/dedup/deal.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";

const engine = createOrtEngine({ threads: 1 });
const hosts = (count: number) => Array.from({ length: count }, () => new LocalHost(engine));
const local = new LocalHost(engine);

/** Share of 1,000 groups that each host of a deal gets, this thread's last. */
function shares(count: number, rows: number, dim: number): number[] {
  const workers = hosts(count);
  const { hostOf } = dealGroups({ local, workers, rows, dim, productNs: 0.45 });
  const got = new Map<unknown, number>();
  for (let g = 0; g < 1000; g++) got.set(hostOf(g), (got.get(hostOf(g)) ?? 0) + 1);
  return [...workers, local].map((host) => (got.get(host) ?? 0) / 1000);
}

describe("groups are dealt", () => {
  it("to this thread alone where there is no worker, and nothing is sent ahead", () => {
    const deal = dealGroups({ local, workers: [], rows: 1e5, dim: 1024, productNs: 0.45 });
    assert.deepEqual([deal.hosts, deal.hostOf(7), deal.turn, deal.ahead], [[local], local, 1, 0]);
  });

  it("equally to workers, with a share for this thread that grows with the rows", () => {
    let before = 0;
    for (const rows of [50_000, 200_000, 1_000_000, 10_000_000]) {
      for (const count of [1, 3, 15]) {
        const all = shares(count, rows, 1024);
        const workers = all.slice(0, -1);
        assert.ok(Math.max(...workers) - Math.min(...workers) <= 0.01, `${rows} rows, ${count} workers: ${all}`);
        assert.ok(all[count] <= 1 / (count + 1) + 0.01, "this thread never has more than a worker");
      }
      const [, here] = shares(1, rows, 1024);
      assert.ok(here >= before, "more rows leave this thread a larger share");
      before = here;
    }
    assert.ok(before > 0.45, "of many rows half is done here beside one worker");
  });

  it("to no more than the workers where this thread has enough to do", () => {
    assert.equal(shares(15, 100_000, 1024)[15], 0);
  });
});
