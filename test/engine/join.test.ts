import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { readOutcome } from "../../src/engine/join/outcome.js";
import { selfJoin } from "../../src/join/self-join.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { naiveJoin } from "../join/oracle.js";
import { arrayReader, clusteredVectors, normaliseRows, randomSource } from "../join/vectors.js";
import { assertSameNumbers } from "../oracles/same-numbers.js";
import {
  type Given,
  type JoinCase,
  joinInRandomOrder,
  joinTasks,
  openRun,
  type RunCut,
  writeBeforeJoin,
} from "./join-run.js";

const folder = await mkdtemp(join(tmpdir(), "engine-join-"));
after(() => rm(folder, { recursive: true, force: true }));

const engine = createOrtEngine({ threads: 1 });
const inOrder = (count: number) => Uint32Array.from({ length: count }, (_, i) => i);
const ONE_THREAD: Given = { threads: 1, memory: 1 << 30 };
let runs = 0;

/** Number of random cases of each kind of vectors; more of them by BGE_ROUNDS. */
const ROUNDS = Number(process.env.BGE_ROUNDS ?? 2);

/** Joins in tasks and compares with one self-join over everything and with the definition. */
async function assertSameAsOneJoin(one: JoinCase, cut: RunCut, seed: number, ...given: readonly Given[]) {
  const out = join(folder, `${runs++}`);
  const random = randomSource(seed);
  await writeBeforeJoin(out, one, cut);
  // Three processes take tasks in turns; each learns on its own.
  const processes = Array.from({ length: 3 }, () => openRun(out));
  const among = <T>(list: readonly T[]) => list[Math.floor(random() * list.length)];
  const givens = given.length > 0 ? given : [ONE_THREAD];
  await joinInRandomOrder(random, () => ({ folder: among(processes), given: among(givens) }));
  const { measured, ...outcome } = await readOutcome(openRun(out));
  await rm(out, { recursive: true });
  const { values, dim, threshold, order, signatures, references } = one;
  assertSameNumbers(outcome, naiveJoin(values, dim, threshold, order, signatures, references), "tasks");
  const { measured: _, ...whole } = await selfJoin({
    vectors: arrayReader(values, dim),
    order,
    threshold,
    signatures,
    references: references && { ...references, vectors: arrayReader(references.values, dim) },
    memory: 1 << 30,
    engine,
  });
  assertSameNumbers(outcome, whole, "tasks against one join");
  return { ...outcome, measured };
}

/** Each vector is near to the one before and the one after it, and to hardly any other. */
function drift({ count, dim, seed }: { count: number; dim: number; seed: number }): Float32Array {
  const random = randomSource(seed);
  const values = new Float32Array(count * dim);
  for (let i = 0; i < count * dim; i++) {
    values[i] = (random() + random() - 1) * (i < dim ? 1 : 0.15) + (i < dim ? 0 : values[i - dim]);
    if (i % dim === dim - 1) normaliseRows(values.subarray(i - dim + 1, i + 1), dim);
  }
  return values;
}

/** Copies of one vector, a little disturbed. */
function family({ count, dim, seed }: { count: number; dim: number; seed: number }): Float32Array {
  const random = randomSource(seed);
  const values = Float32Array.from({ length: count * dim }, (_, i) => (i % dim) + 1 + 0.01 * random());
  return normaliseRows(values, dim);
}

type Made = { readonly count: number; readonly dim: number; readonly seed: number };

/** Kinds of vectors. */
const KINDS: Readonly<Record<string, (made: Made) => Float32Array>> = {
  families: (made) => clusteredVectors({ ...made, families: 0.6, noise: 0.3 }),
  chains: (made) => clusteredVectors({ ...made, families: 0.95, noise: 0.6 }),
  drift,
  "one family": family,
  "two families and others"({ count, dim, seed }) {
    const parts = [family, drift, family].map((make, i) => make({ count: Math.ceil(count / 3), dim, seed: seed + i }));
    const all = new Float32Array(count * dim);
    for (let row = 0; row < count; row++) {
      const at = Math.floor(row / 3) * dim;
      all.set(parts[row % 3].subarray(at, at + dim), row * dim);
    }
    return all;
  },
  strangers: (made) => clusteredVectors({ ...made, families: 0, noise: 0 }),
};

/** A random case and cut of a kind of vectors. */
function randomCase(kind: string, seed: number): { one: JoinCase; cut: RunCut } {
  const random = randomSource(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const count = 1 + below(random() < 0.2 ? 6 : 160);
  const dim = 3 + below(62);
  const known = below(2) * below(80);
  const all = KINDS[kind]({ count: count + known, dim, seed });
  // References and new vectors in a random mixture, so that families lie on both sides.
  const mixed = shuffled(count + known, random);
  const rowsAt = (places: Uint32Array) => {
    const rows = new Float32Array(places.length * dim);
    for (const [i, place] of places.entries()) rows.set(all.subarray(place * dim, (place + 1) * dim), i * dim);
    return rows;
  };
  const kinds = below(2) === 0 ? 0 : 1 + below(3);
  const signaturesOf = (length: number) => BigUint64Array.from({ length }, () => BigInt(below(kinds)));
  const one = {
    values: rowsAt(mixed.subarray(0, count).sort()),
    dim,
    threshold: [0.5, 0.8, 0.9, 0.97, 1][below(5)],
    order: below(2) === 0 ? inOrder(count) : shuffled(count, random),
    ...(kinds > 0 && { signatures: signaturesOf(count) }),
    ...(known > 0 && {
      references: {
        values: rowsAt(mixed.subarray(count)),
        order: shuffled(known, random).subarray(0, Math.ceil(0.8 * known)),
        ...(kinds > 0 && { signatures: signaturesOf(known) }),
      },
    }),
  };
  const blocks = 1 + below(Math.min(count, 9));
  const blockVectors = Math.ceil(count / blocks);
  const cut = { vectors: count, blockVectors, blocks: Math.ceil(count / blockVectors), rowGroups: 1 + below(4) };
  const first = below(count + 1);
  return {
    one,
    cut: { ...cut, rowGroups: Math.min(cut.rowGroups, cut.blocks), embedded: [0, first, 0, count - first] },
  };
}

function shuffled(count: number, random: () => number): Uint32Array {
  const order = inOrder(count);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

const among = (numbers?: ArrayLike<number>) => Array.from(numbers ?? []).filter((number) => number >= 0).length;

describe("the join in tasks equals one self-join and a naive float64 scan, in any order of its tasks", () => {
  for (const [k, kind] of Object.keys(KINDS).entries()) {
    it(`for ${kind}, however they are cut`, async () => {
      for (let seed = 100 * k; seed < 100 * k + ROUNDS; seed++) {
        const { one, cut } = randomCase(kind, seed);
        await assertSameAsOneJoin(one, cut, seed);
      }
    });
  }

  it("for families larger than a block, with guards and references that keep rows apart and remove others", async () => {
    const dim = 24;
    const values = clusteredVectors({ count: 500, dim, seed: 1, families: 0.9, noise: 0.25 });
    const random = randomSource(2);
    const signaturesOf = (length: number) => BigUint64Array.from({ length }, () => BigInt(Math.floor(random() * 3)));
    const one = {
      values: values.slice(100 * dim),
      dim,
      threshold: 0.85,
      order: shuffled(400, random),
      signatures: signaturesOf(400),
      references: { values: values.slice(0, 100 * dim), order: inOrder(60), signatures: signaturesOf(100) },
    };
    const cut = { vectors: 400, blockVectors: 80, blocks: 5, rowGroups: 3, embedded: [150, 250] };
    const found = await assertSameAsOneJoin(one, cut, 3);
    for (const numbers of [found.keptBy, found.guardedFrom, found.keptByReference, found.guardedFromReference])
      assert.ok(among(numbers) > 5);
  });

  it("where nothing stays but one, and where nothing goes", async () => {
    const cut = { vectors: 100, blockVectors: 20, blocks: 5, rowGroups: 3, embedded: [100] };
    const equal = { values: family({ count: 100, dim: 7, seed: 5 }), dim: 7, threshold: 0.9, order: inOrder(100) };
    const { keptBy, measured } = await assertSameAsOneJoin(equal, cut, 5);
    assert.deepEqual([among(keptBy), measured], [99, 99]);
    const values = new Float32Array(64 * 64);
    for (let i = 0; i < 64; i++) values[65 * i] = 1;
    const apart = { values, dim: 64, threshold: 0.5, order: inOrder(64) };
    const none = await assertSameAsOneJoin(apart, { ...cut, vectors: 64, blocks: 4, embedded: [64] }, 6);
    assert.equal(among(none.keptBy), 0);
  });

  it("where there is no vector, and where references remove all of them", async () => {
    const nothing = { values: new Float32Array(0), dim: 0, threshold: 0.5, order: inOrder(0) };
    const cut = { vectors: 0, blockVectors: 0, blocks: 0, rowGroups: 0, embedded: [0, 0] };
    const out = join(folder, "nothing");
    await writeBeforeJoin(out, nothing, cut);
    assert.deepEqual(await joinTasks(openRun(out)), []);
    assert.equal((await readOutcome(openRun(out))).keptBy.length, 0);
    const values = clusteredVectors({ count: 30, dim: 8, seed: 7, families: 0, noise: 0 });
    const known = { values, dim: 8, threshold: 0.99, order: inOrder(30), references: { values, order: inOrder(30) } };
    const all = { vectors: 30, blockVectors: 6, blocks: 5, rowGroups: 2, embedded: [30] };
    assert.deepEqual((await assertSameAsOneJoin(known, all, 8)).keptByReference, Int32Array.from(inOrder(30)));
  });

  it("by integer codes, on one thread and with workers, in little memory, for vectors that no small join takes", async () => {
    const count = 12_000;
    const values = clusteredVectors({ count, dim: 4, seed: 9, families: 0.5, noise: 0.02 });
    const one = { values, dim: 4, threshold: 0.9999, order: inOrder(count) };
    const cut = { vectors: count, blockVectors: 4000, blocks: 3, rowGroups: 2, embedded: [7000, 5000] };
    const workers = { threads: 2, memory: 1 << 30 };
    const { keptBy } = await assertSameAsOneJoin(one, cut, 10, ONE_THREAD, workers, { threads: 1, memory: 0 });
    assert.ok(among(keptBy) > 1500, `${among(keptBy)} removed`);
  });
});
