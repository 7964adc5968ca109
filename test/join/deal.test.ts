import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";

const engine = createOrtEngine({ threads: 1 });
const hosts = (count: number) => Array.from({ length: count }, () => new LocalHost(engine));
const local = new LocalHost(engine);

/** Groups of each host of a deal among the first `groups`, this thread's last. */
function counts(count: number, groups: number, rows: number, dim: number): number[] {
  const workers = hosts(count);
  const { hostOf } = dealGroups({ local, workers, rows, dim, productNs: 0.45 });
  const got = new Map<unknown, number>();
  for (let g = 0; g < groups; g++) got.set(hostOf(g), (got.get(hostOf(g)) ?? 0) + 1);
  return [...workers, local].map((host) => got.get(host) ?? 0);
}

describe("groups are dealt", () => {
  it("to this thread alone where there is no worker, and nothing is sent ahead", () => {
    const deal = dealGroups({ local, workers: [], rows: 1e5, dim: 1024, productNs: 0.45 });
    assert.deepEqual([deal.hosts, deal.hostOf(7), deal.roundGroups, deal.ahead], [[local], local, 1, 0]);
  });

  it("to workers alone while they have less to do than this thread, then in turn to all", () => {
    for (const count of [1, 3, 15]) {
      let here = 0;
      let alone = 0;
      for (let groups = 1; groups <= 1000; groups++) {
        const all = counts(count, groups, 10_000_000, 1024);
        const workers = all.slice(0, -1);
        assert.ok(Math.max(...workers) - Math.min(...workers) <= 1, `${groups} groups, ${count} workers: ${all}`);
        assert.ok(all[count] - here <= 1 && all[count] >= here);
        here = all[count];
        if (here === 0) alone = groups;
      }
      // Own work of 8,737 ns a row is as much as the products with 19,416 columns, which are 10.1 groups: 10 for each.
      assert.ok(Math.abs(alone - (10 * count + count)) <= 1, `${count} workers: ${alone} groups before one stays here`);
      const share = (1000 - 10 * count) / (count + 1);
      assert.ok(Math.abs(here - share) <= 1, `${count} workers: ${here} groups here, expected ${share}`);
    }
  });

  it("to the workers alone where this thread has enough to do, or where they compute on a device", () => {
    assert.equal(counts(15, 1000, 100_000, 1024)[15], 0);
    const workers = hosts(1);
    const dealOf = (memory: number) =>
      dealGroups({ local, workers, device: { memory, depth: 256 }, rows: 1e7, dim: 256, productNs: 5 });
    const deal = dealOf(2 ** 34);
    assert.deepEqual([deal.hosts, deal.hostOf(999), deal.roundGroups], [workers, workers[0], 64]);
    // A group has 1,920 columns of 256 bytes; a sixteenth of the memory is for a round.
    assert.deepEqual(
      [0, 16, 48].map((groups) => dealOf(16 * 1920 * 256 * groups).roundGroups),
      [1, 16, 48],
    );
  });
});
