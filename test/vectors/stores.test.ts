import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { InputError } from "../../src/errors.js";
import { concatenated } from "../../src/vectors/concatenated.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";
import { openVectorStores } from "../../src/vectors/stores.js";
import { arrayReader } from "../join/vectors.js";

const folder = mkdtempSync(join(tmpdir(), "bge-dedup-stores-"));
after(() => rmSync(folder, { recursive: true }));

const dim = 3;
/** Component `i` of vector `position` of all stores. */
const component = (position: number, i: number) => position * dim + i;

/** Writes stores of so many vectors each; rows are numbered from 100 on in each. */
async function writeStores(name: string, counts: readonly number[], components = dim): Promise<string[]> {
  const paths: string[] = [];
  let first = 0;
  for (const [i, count] of counts.entries()) {
    const path = join(folder, `${name}-${i}.arrow`);
    const writer = await openVectorStoreWriter({ path, dim: components });
    const values = Float32Array.from({ length: count * components }, (_, at) => first * components + at);
    await writer.append(
      Array.from({ length: count }, (_, row) => 100 + row),
      values,
    );
    await writer.complete();
    await writer.close();
    paths.push(path);
    first += count;
  }
  return paths;
}

/** Stores of these that this process has open. */
function openStores(): number {
  const links = readdirSync("/proc/self/fd").map((name) => `/proc/self/fd/${name}`);
  return links.filter((link) => existsSync(link) && readlinkSync(link).startsWith(folder)).length;
}

/** All components of vectors by their positions, as they must come out. */
const expected = (positions: readonly number[]) =>
  Float32Array.from(positions.flatMap((position) => [0, 1, 2].map((i) => component(position, i))));

describe("stores behind one reader", () => {
  it("number their vectors through, whichever are empty and in whatever order vectors are asked for", async () => {
    const stores = await openVectorStores(await writeStores("some", [0, 4, 0, 0, 1, 7, 0]));
    assert.deepEqual([stores.count, stores.dim, [...stores.starts]], [12, 3, [0, 0, 4, 4, 4, 5, 12, 12]]);
    for (const positions of [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], [11, 0, 4, 3, 5, 5], [4], []]) {
      const into = new Float32Array(positions.length * dim);
      await stores.gather(positions, into);
      assert.deepEqual(into, expected(positions));
    }
    assert.deepEqual([...(await stores.rows(5))], [100, 101, 102, 103, 104, 105, 106]);
    assert.deepEqual([...(await stores.rows(2))], []);
    await stores.close();
    assert.equal(openStores(), 0);
  });

  it("are a thousand, of which few are open, many calls at a time", async () => {
    const paths = await writeStores(
      "many",
      Array.from({ length: 1000 }, (_, i) => i % 3),
    );
    const stores = await openVectorStores(paths, { mostOpen: 8 });
    assert.equal(stores.count, 999);
    assert.ok(openStores() <= 8, `${openStores()} open`);
    let most = 0;
    const all = Array.from({ length: 999 }, (_, i) => i);
    const parts = Array.from({ length: 4 }, (_, part) => all.filter((i) => i % 4 === part));
    await Promise.all(
      parts.map(async (positions) => {
        const into = new Float32Array(positions.length * dim);
        for (let repeat = 0; repeat < 2; repeat++) {
          await stores.gather(positions, into);
          most = Math.max(most, openStores());
        }
        assert.deepEqual(into, expected(positions));
      }),
    );
    assert.ok(most <= 8, `${most} open`);
    await stores.close();
    assert.equal(openStores(), 0);
  });

  it("say which one is missing, damaged, of other components, or changes later", async () => {
    const paths = await writeStores("odd", [2, 2]);
    const missing = join(folder, "missing.arrow");
    await assert.rejects(openVectorStores([paths[0], missing]), (error: Error) => {
      return error instanceof InputError && error.message.includes(`cannot open ${missing}`);
    });
    const [wide] = await writeStores("wide", [2], 5);
    await assert.rejects(
      openVectorStores([...paths, wide]),
      /wide-0\.arrow holds vectors of 5 .* expected 3 as .*odd-0/,
    );
    const stores = await openVectorStores(paths, { mostOpen: 1 });
    const into = new Float32Array(dim);
    await writeStores("odd", [3]);
    await assert.rejects(stores.gather([0], into), /odd-0\.arrow changed from 2 vectors to 3 while it was read/);
    await stores.gather([2], into);
    assert.deepEqual(into, expected([2]));
    writeFileSync(paths[0], "no store");
    await assert.rejects(stores.gather([1], into), /odd-0\.arrow is not a store/);
    await writeStores("odd", [2]);
    await stores.gather([1], into);
    assert.deepEqual(into, expected([1]));
    await stores.close();
    assert.equal(openStores(), 0);
  });
});

it("readers of arrays behind one another read as one array", async () => {
  const values = Float32Array.from({ length: 10 * dim }, (_, i) => i);
  const parts = [0, 3, 3, 9, 10].map((end, i, ends) => values.subarray((ends[i - 1] ?? 0) * dim, end * dim));
  const reader = concatenated(parts.map((part) => arrayReader(part, dim)));
  const positions = [9, 8, 0, 3, 2, 4, 5, 5];
  const into = new Float32Array(positions.length * dim);
  await reader.gather(positions, into);
  assert.deepEqual([reader.count, into], [10, expected(positions)]);
});
