import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UnavailableError } from "../../src/errors.js";
import { planCodes } from "../../src/join/codes/code-plan.js";
import { allocateCodes } from "../../src/join/codes/row-codes.js";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { joinByCodes } from "../../src/join/join-by-codes.js";
import type { ColumnWorkers } from "../../src/join/join-options.js";
import { Judge } from "../../src/join/judge.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { naiveJoin } from "../join/oracle.js";
import { arrayReader, clusteredVectors } from "../join/vectors.js";

const engine = createOrtEngine({ threads: 1 });
const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

/** The join by codes with workers, whatever the number of vectors. */
async function joinWithWorkers(options: {
  values: Float32Array;
  dim: number;
  threshold: number;
  memory: number;
  count: number;
  /** As if the product of a pair took so long: the longer the more groups stay in this thread. */
  productNs: number;
  order?: Uint32Array;
  signal?: AbortSignal;
}) {
  const { values, dim, threshold, memory, count, signal } = options;
  const vectors = arrayReader(values, dim);
  const order = options.order ?? inOrder(vectors.count);
  const judge = new Judge({ count: vectors.count, dim, threshold });
  const workers = await columnWorkers(count).start(count);
  const local = new LocalHost(engine);
  const all = { vectors, order, threshold, engine, memory, signal };
  const plan = await planCodes({ ...all, signal: undefined });
  try {
    const { productNs } = options;
    const deal = dealGroups({ local, workers, rows: order.length, dim, productNs });
    await joinByCodes(all, { plan, judge, deal });
  } finally {
    await plan.release();
    await Promise.all([...workers, local].map((host) => host.close()));
  }
  const { measured: _, ...result } = judge.result;
  return result;
}

describe("the join with workers equals a naive float64 scan", () => {
  const dim = 12;
  const values = clusteredVectors({ count: 9000, dim, seed: 1, families: 0.3, noise: 0.5 });
  const expected = naiveJoin(values, dim, 0.97, inOrder(9000));
  for (const count of [1, 2, 5]) {
    for (const productNs of [0.001, 1000]) {
      it(`with ${count}, over several whole groups, ${productNs < 1 ? "none" : "some"} of them in this thread`, async () => {
        const result = await joinWithWorkers({ values, dim, threshold: 0.97, memory: 1 << 30, count, productNs });
        assert.deepEqual(result, expected);
      });
    }
  }

  it("in blocks, with and without room for the codes of kept vectors", async () => {
    for (const memory of [0, 2 << 20]) {
      assert.deepEqual(
        await joinWithWorkers({ values, dim, threshold: 0.97, memory, count: 2, productNs: 1000 }),
        expected,
      );
    }
  });

  it("where nearly all rows are removed", async () => {
    const copies = clusteredVectors({ count: 6000, dim, seed: 2, families: 0.98, noise: 0.3 });
    const naive = naiveJoin(copies, dim, 0.9, inOrder(6000));
    assert.deepEqual(
      await joinWithWorkers({ values: copies, dim, threshold: 0.9, memory: 1 << 30, count: 2, productNs: 0.001 }),
      naive,
    );
  });

  it("from the outside, where there are vectors enough", async () => {
    const many = clusteredVectors({ count: 17_000, dim: 4, seed: 3, families: 0.9, noise: 0.1 });
    const options = {
      vectors: arrayReader(many, 4),
      order: inOrder(17_000),
      threshold: 0.999,
      engine,
      memory: 1 << 30,
    };
    const { measured: _, ...alone } = await selfJoin(options);
    let started = 0;
    const { most, start } = columnWorkers(3);
    const workers: ColumnWorkers = {
      most,
      start(count) {
        started = count;
        return start(count);
      },
    };
    const wideEngine = createOrtEngine({ threads: 3 });
    const { measured: __, ...together } = await selfJoin({ ...options, workers, wideEngine });
    assert.deepEqual(together, alone);
    assert.equal(started, 2);
  });

  it("and several threads for large products, of few vectors too", async () => {
    const few = values.subarray(0, 2000 * dim);
    const vectors = arrayReader(few, dim);
    const wideEngine = createOrtEngine({ threads: 3 });
    const options = { vectors, order: inOrder(2000), threshold: 0.97, engine, wideEngine, memory: 1 << 30 };
    const { measured: _, ...result } = await selfJoin(options);
    assert.deepEqual(result, naiveJoin(few, dim, 0.97, inOrder(2000)));
  });
});

describe("workers of the join", () => {
  it("end with the join where it is stopped, tiles under way or not", async () => {
    const values = clusteredVectors({ count: 9000, dim: 8, seed: 4, families: 0, noise: 0 });
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("stop")), 60);
    const { signal } = controller;
    const join = joinWithWorkers({ values, dim: 8, threshold: 0.99999, memory: 0, count: 2, productNs: 1000, signal });
    await assert.rejects(join, /stop/);
  });

  it("pass on what goes wrong in them", async () => {
    const [host] = await columnWorkers(1).start(1);
    const book = { depth: 64, scale: 1, base: 0, slack: 0, usualLength: 1 };
    await host.open({ book, threshold: 0.9, callRows: 256 });
    const codes = allocateCodes({ depth: 64 }, 10);
    const meeting = host.meet({ codes, removed: new Uint8Array(10) }, [7]);
    await assert.rejects(meeting.next(), /group 7 is not held here/);
    await assert.rejects(meeting.next(), /group 7 is not held here/);
    await host.close();
  });
});

it("a device that cannot be had ends the join with the cure, and nothing hangs", async () => {
  const { start, most, device } = columnWorkers(8, "cuda");
  assert.deepEqual([most, device], [1, true]);
  const values = clusteredVectors({ count: 9000, dim: 12, seed: 2, families: 0.3, noise: 0.5 });
  const vectors = arrayReader(values, 12);
  const workers = { most, device, start };
  const join = selfJoin({ vectors, order: inOrder(9000), threshold: 0.97, engine, workers, memory: 1 << 30 });
  await assert.rejects(join, (error: Error) => {
    assert.ok(error instanceof UnavailableError, `${error}`);
    return /the join does not run on cuda: .*; use --device cpu$/s.test(error.message);
  });
});
