import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { learnCodes } from "../../src/join/codes/code-plan.js";
import { DeviceHost } from "../../src/join/device-host.js";
import type { JoinOptions } from "../../src/join/join-options.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { columnWorkers } from "../../src/workers/column-workers.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import { type NaiveReferences, naiveJoin } from "./oracle.js";
import { arrayReader, clusteredVectors, normaliseRows, randomSource } from "./vectors.js";

const engine = createOrtEngine({ threads: 1 });
const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);

/** Vectors of a run and of its references, families of near-copies across both. */
interface Case {
  readonly values: Float32Array;
  readonly dim: number;
  readonly references: NaiveReferences;
  readonly signatures?: BigUint64Array;
}

/** Cuts one set of near-copies into references and new vectors, in turns, so that families lie on both sides. */
function makeCase(options: {
  old: number;
  fresh: number;
  dim: number;
  seed: number;
  families?: number;
  noise?: number;
  /** Guard signatures of so many kinds. */
  kinds?: number;
}): Case {
  const { old, fresh, dim, seed, families = 0.5, noise = 0.4, kinds } = options;
  const all = clusteredVectors({ count: old + fresh, dim, seed, families, noise });
  const random = randomSource(seed + 1);
  const referenceValues = new Float32Array(old * dim);
  const values = new Float32Array(fresh * dim);
  for (let row = 0, toOld = 0, toNew = 0; row < old + fresh; row++) {
    const vector = all.subarray(row * dim, (row + 1) * dim);
    const isOld = random() * (old - toOld + fresh - toNew) < old - toOld;
    if (isOld) referenceValues.set(vector, toOld++ * dim);
    else values.set(vector, toNew++ * dim);
  }
  // Some of the references' vectors were removed, and their priority is not that of their positions.
  const order = Uint32Array.from([...inOrder(old)].filter(() => random() < 0.9));
  for (let i = order.length - 1; i > 0; i -= 7) {
    const j = Math.floor(random() * i);
    [order[i], order[j]] = [order[j], order[i]];
  }
  const signaturesOf = (count: number) =>
    kinds === undefined
      ? undefined
      : BigUint64Array.from({ length: count }, () => BigInt(Math.floor(random() * kinds)));
  const references = { values: referenceValues, order, signatures: signaturesOf(old) };
  return { values, dim, references, signatures: signaturesOf(fresh) };
}

type Options = Partial<JoinOptions> & { readonly threshold: number };

function joinCase({ values, dim, references, signatures }: Case, options: Options) {
  return selfJoin({
    vectors: arrayReader(values, dim),
    order: inOrder(values.length / dim),
    signatures,
    references: { ...references, vectors: arrayReader(references.values, dim) },
    memory: 1 << 30,
    engine,
    ...options,
  });
}

/** Joins a case with all of these options, compares each outcome with the naive scan and returns the last one. */
async function assertSameAsNaive(one: Case, threshold: number, ...ways: readonly Partial<JoinOptions>[]) {
  const { values, dim, references, signatures } = one;
  const order = ways[0]?.order ?? inOrder(values.length / dim);
  const expected = naiveJoin(values, dim, threshold, order, signatures, references, ways[0]?.within);
  let last = await joinCase(one, { threshold, ...ways[0] });
  for (const way of ways.slice(1)) {
    const { measured: _, ...result } = last;
    assertSameNumbers(result, expected, "join");
    last = await joinCase(one, { threshold, ...way });
  }
  const { measured: _, ...result } = last;
  assertSameNumbers(result, expected, "join");
  return last;
}

const among = (numbers: Int32Array | undefined) => (numbers ?? new Int32Array(0)).filter((n) => n >= 0).length;

/** Too many pairs for float32 products of all of them, so that the join goes by codes. */
const large = makeCase({ old: 9000, fresh: 3400, dim: 12, seed: 1, families: 0.3, noise: 0.5 });

describe("the join with references equals a naive float64 scan", () => {
  for (const threshold of [0.3, 0.95, 1]) {
    it(`of few vectors, at threshold ${threshold}`, async () => {
      const few = makeCase({ old: 3000, fresh: 900, dim: 24, seed: 2 });
      const { keptBy, keptByReference } = await assertSameAsNaive(few, threshold);
      assert.ok(threshold > 0.95 || among(keptByReference) > 100, "references must remove something");
      assert.ok(threshold !== 0.95 || among(keptBy) > 10, "vectors of the join must remove something");
    });

    it(`of many vectors, at threshold ${threshold}`, async () => {
      const { keptByReference } = await assertSameAsNaive(large, threshold);
      assert.ok(threshold > 0.95 || among(keptByReference) > 100);
    });
  }

  it("in any priority order of the new vectors", async () => {
    for (const one of [makeCase({ old: 2500, fresh: 700, dim: 16, seed: 3 }), large]) {
      const order = inOrder(one.values.length / one.dim).reverse();
      await assertSameAsNaive(one, 0.95, { order });
    }
  });

  it("whatever the memory: in one block, in several with the references' codes kept, and with these made anew", async () => {
    const memories = [0, 400 << 10, 2 << 20, 1 << 30];
    await assertSameAsNaive(large, 0.97, ...memories.map((memory) => ({ memory })));
  });

  it("with guards, against references and within the run, in one block and in several", async () => {
    for (const one of [
      makeCase({ old: 1500, fresh: 900, dim: 16, seed: 4, families: 0.7, noise: 0.2, kinds: 3 }),
      makeCase({ old: 9000, fresh: 3400, dim: 12, seed: 5, families: 0.6, noise: 0.3, kinds: 3 }),
    ]) {
      const outcome = await assertSameAsNaive(one, 0.95, { memory: 0 }, { memory: 1 << 30 });
      const { keptBy, guardedFrom, keptByReference, guardedFromReference } = outcome;
      for (const numbers of [keptBy, guardedFrom, keptByReference, guardedFromReference]) assert.ok(among(numbers) > 0);
    }
  });

  it("with workers, and on a device", async () => {
    const one = makeCase({ old: 9000, fresh: 3400, dim: 12, seed: 6, families: 0.9, noise: 0.1 });
    let started = 0;
    const { most, start } = columnWorkers(3);
    const threads = {
      most,
      worthFrom: 1000,
      start(count: number) {
        started = count;
        return start(count);
      },
    };
    // The processor plays the device.
    const workers = { most: 1, device: true, start: async () => [new DeviceHost(engine, [2])] };
    await assertSameAsNaive(one, 0.999, { workers: threads });
    assert.equal(started, 2);
    await assertSameAsNaive(one, 0.999, { workers, memory: 0 });
  });

  it("alone, where the new vectors are not compared with each other: few, many, in little memory, by workers", async () => {
    const guarded = { old: 3000, fresh: 900, dim: 24, seed: 2, kinds: 2 };
    const within = false;
    const few = await assertSameAsNaive(makeCase(guarded), 0.8, { within });
    assert.ok(among(few.keptByReference) > 100 && among(few.guardedFromReference) > 100);
    await assertSameAsNaive(large, 0.8, { within }, { within, memory: 0 });
    const workers = (threads: number) => ({ ...columnWorkers(threads), worthFrom: 1000 });
    await assertSameAsNaive(large, 0.95, { within, workers: workers(3) }, { within, workers: workers(2), memory: 0 });
  });

  it("whatever vectors the codes were learnt from", async () => {
    const values = clusteredVectors({ count: 3000, dim: 12, seed: 20, families: 0, noise: 0 });
    const strange = { vectors: arrayReader(values, 12), order: inOrder(3000), threshold: 0.5, engine };
    let asked = 0;
    const codes = async () => {
      asked++;
      return learnCodes(strange);
    };
    await assertSameAsNaive(large, 0.95, { codes }, { codes, memory: 0 });
    assert.equal(asked, 2);
  });

  it("where all vectors are removed by references", async () => {
    for (const [old, fresh] of [
      [500, 300],
      [9000, 3400],
    ]) {
      const values = clusteredVectors({ count: old, dim: 12, seed: 7, families: 0, noise: 0 });
      const references = { values, order: inOrder(old) };
      const { keptByReference } = await assertSameAsNaive(
        { values: values.slice(0, fresh * 12), dim: 12, references },
        0.999,
      );
      assert.deepEqual(keptByReference, Int32Array.from(inOrder(fresh)));
    }
  });

  it("names the earliest of many equal reference vectors in their order, not in that of their positions", async () => {
    const values = normaliseRows(new Float32Array(5000 * 8).fill(1), 8);
    const order = inOrder(5000).reverse();
    const one = { values: values.slice(0, 8 * 3), dim: 8, references: { values, order } };
    const { keptByReference, measured } = await assertSameAsNaive(one, 0.9);
    assert.deepEqual([keptByReference, measured], [Int32Array.of(4999, 4999, 4999), 3]);
  });
});

describe("degenerate references", () => {
  const nothing = { values: new Float32Array(0), order: new Uint32Array(0) };

  it("of no vector, or of removed vectors only, change nothing", async () => {
    for (const references of [nothing, { ...large.references, order: new Uint32Array(0) }]) {
      const { keptByReference } = await assertSameAsNaive({ ...large, references }, 0.95);
      assert.equal(among(keptByReference), 0);
    }
  });

  it("are not read where there is no new vector", async () => {
    const vectors: VectorReader = { count: 9, dim: 8, gather: () => assert.fail("read") };
    const result = await selfJoin({
      vectors: arrayReader(new Float32Array(0), 8),
      order: new Uint32Array(0),
      threshold: 0.9,
      references: { vectors, order: inOrder(9) },
      memory: 1 << 30,
      engine,
    });
    assert.equal(result.keptByReference?.length, 0);
  });

  it("of other components, or without the guards' signatures, are refused", async () => {
    const join = (references: NaiveReferences, dim: number) => {
      const vectors = arrayReader(references.values, dim);
      const all = { vectors: arrayReader(large.values, 12), order: inOrder(5), threshold: 0.9, engine, memory: 0 };
      return selfJoin({ ...all, references: { ...references, vectors } });
    };
    await assert.rejects(join(large.references, 6), /6 components; expected 12/);
    const signatures = new BigUint64Array(9000);
    await assert.rejects(join({ ...large.references, signatures }, 12), /for one side only/);
  });
});

describe("the work of the join with references", () => {
  it("compares no reference vectors with each other, and measures hardly more pairs than there are near ones", async () => {
    const values = clusteredVectors({ count: 6000, dim: 256, seed: 8, families: 0, noise: 0 });
    const copies = clusteredVectors({ count: 2000, dim: 256, seed: 9, families: 0, noise: 0 });
    for (let i = 0; i < 500 * 256; i++) copies[i] = values[i] + 0.01 * copies[i];
    const one = { values: normaliseRows(copies, 256), dim: 256, references: { values, order: inOrder(6000) } };
    const { measured, keptByReference } = await joinCase(one, { threshold: 0.9 });
    assert.deepEqual(
      keptByReference,
      new Int32Array(2000).fill(-1).map((none, i) => (i < 500 ? i : none)),
    );
    assert.ok(measured >= 500 && measured < 1000, `${measured} measured for 500 removed`);
  });

  it("reads every reference vector about once, in ascending positions, and holds few of them", async () => {
    const inner = arrayReader(large.references.values, 12);
    let read = 0;
    let most = 0;
    const vectors: VectorReader = {
      ...inner,
      async gather(positions, into) {
        read += positions.length;
        most = Math.max(most, positions.length);
        for (let i = 1; i < positions.length; i++) assert.ok(positions[i] > positions[i - 1]);
        await inner.gather(positions, into);
      },
    };
    const join = { vectors: arrayReader(large.values, 12), order: inOrder(3400), threshold: 0.97, engine };
    const { order } = large.references;
    await selfJoin({ ...join, references: { order, vectors }, memory: 1 << 30 });
    // The sample from which the codes are learnt, the columns, and the vectors of surviving pairs.
    assert.ok(most <= 3072 && read < 3 * order.length, `${read} of ${order.length} read, at most ${most} at once`);
  });

  it("tells how many references are compared, in blocks and for few vectors too", async () => {
    const few = makeCase({ old: 5000, fresh: 100, dim: 8, seed: 10 });
    for (const [one, memory] of [
      [few, 1 << 30],
      [large, 1 << 30],
      [large, 0],
    ] as const) {
      const told: number[] = [];
      await joinCase(one, { threshold: 1, memory, onReferences: (compared) => told.push(compared) });
      assert.ok(told.length > 2 && told.every((compared, i) => compared >= (told[i - 1] ?? 1)), `${told}`);
      assert.equal(told.at(-1), one.references.order.length);
    }
  });

  it("stops with the signal's reason", async () => {
    const few = makeCase({ old: 300, fresh: 100, dim: 8, seed: 10 });
    for (const one of [few, large]) {
      const join = joinCase(one, { threshold: 0.9, signal: AbortSignal.abort(new Error("stop")) });
      await assert.rejects(join, /stop/);
    }
  });
});
