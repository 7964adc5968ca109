import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openRunVectors } from "../../src/engine/embed/run-vectors.js";
import type { EmbedFacts } from "../../src/engine/facts.js";
import type { FinishedTask } from "../../src/engine/stage.js";
import type { ModelSpec } from "../../src/models/spec.js";
import { openVectorStoreWriter } from "../../src/vectors/store-writer.js";

const folder = mkdtempSync(join(tmpdir(), "bge-dedup-run-vectors-"));
after(() => rmSync(folder, { recursive: true }));

const dim = 3;
const kind = { device: "cpu", processor: "", probe: "" } as const;
const model = { name: "builtin" } as ModelSpec;
const cache = { kind: "none", hits: 0, misses: 0 } as const;

/** Embed tasks of so many vectors; vector n of all is (3n, 3n + 1, 3n + 2), and its row is 10n. */
async function tasksOf(counts: readonly number[], components = dim): Promise<FinishedTask<"embed">[]> {
  const tasks: FinishedTask<"embed">[] = [];
  let first = 0;
  for (const [i, vectors] of counts.entries()) {
    const name = join(mkdtempSync(join(folder, `${i}-`)), "vectors.arrow");
    if (vectors > 0) {
      const writer = await openVectorStoreWriter({ path: name, dim });
      const rows = Array.from({ length: vectors }, (_, at) => 10 * (first + at));
      await writer.append(
        rows,
        Float32Array.from({ length: vectors * dim }, (_, at) => first * dim + at),
      );
      await writer.complete();
      await writer.close();
    }
    const facts: EmbedFacts = {
      vectors,
      dim: vectors > 0 ? dim : components,
      truncated: 0,
      tokens: 0,
      refused: [],
      model,
      cache,
      kind,
    };
    tasks.push({ facts, path: (file) => name.replace("vectors.arrow", file) });
    first += vectors;
  }
  return tasks;
}

/** Files of these tasks that this process has open. */
function openFiles(): number {
  const links = readdirSync("/proc/self/fd").map((name) => `/proc/self/fd/${name}`);
  return links.filter((link) => existsSync(link) && readlinkSync(link).startsWith(folder)).length;
}

describe("the vectors of a run", () => {
  it("run through all tasks, those without a vector too, which have no file", async () => {
    const vectors = await openRunVectors(await tasksOf([0, 2, 0, 3, 0]));
    assert.deepEqual([vectors.count, vectors.dim, [...vectors.starts]], [5, 3, [0, 0, 2, 2, 5, 5]]);
    const into = new Float32Array(4 * dim);
    await vectors.gather([4, 0, 2, 1], into);
    assert.deepEqual([...into], [12, 13, 14, 0, 1, 2, 6, 7, 8, 3, 4, 5]);
    assert.deepEqual([...(await vectors.rows(3))], [20, 30, 40]);
    assert.deepEqual([...(await vectors.rows(2))], []);
    await vectors.close();
    assert.equal(openFiles(), 0);
  });

  it("open no file before it is asked for, and at most 16", async () => {
    const vectors = await openRunVectors(await tasksOf(Array.from({ length: 40 }, () => 1)));
    assert.equal(openFiles(), 0);
    const into = new Float32Array(40 * dim);
    let reading = true;
    const read = vectors.gather([...Array(40).keys()], into).finally(() => {
      reading = false;
    });
    let most = 0;
    for (; reading; await new Promise(setImmediate)) most = Math.max(most, openFiles());
    await read;
    assert.ok(most > 0 && most <= 16, `${most} open`);
    assert.deepEqual([...into], [...Array(40 * dim).keys()]);
    await vectors.close();
  });

  it("are none where no text has a direction, and still know their components", async () => {
    const vectors = await openRunVectors(await tasksOf([0, 0], 5));
    assert.deepEqual([vectors.count, vectors.dim, [...vectors.starts]], [0, 5, [0, 0, 0]]);
    assert.deepEqual([...(await vectors.rows(1))], []);
    await vectors.gather([], new Float32Array(0));
    await vectors.close();
    assert.equal((await openRunVectors([])).count, 0);
  });

  it("say that a file is not what its task said", async () => {
    const [task] = await tasksOf([2]);
    const vectors = await openRunVectors([{ ...task, facts: { ...task.facts, vectors: 3 } }]);
    await assert.rejects(vectors.gather([0], new Float32Array(dim)), /vectors\.arrow changed from 3 vectors to 2/);
    await vectors.close();
  });
});
