import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type KMeansOptions, kmeans } from "../../src/cluster/kmeans.js";
import { savedStarts } from "../../src/engine/cluster/saved-starts.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import { arrayVectors, randomVectors } from "../cluster/oracle.js";

const folder = await mkdtemp(join(tmpdir(), "cluster-saved-"));
after(() => rm(folder, { recursive: true }));

const vectors = arrayVectors(randomVectors(900, 16, 2), 16);

/** Runs k-means and counts its iterations. */
async function cluster(options: Partial<KMeansOptions>) {
  let passes = 0;
  const engine = createOrtEngine({ threads: 1 });
  const result = await kmeans({
    vectors,
    k: 8,
    tolerance: 0,
    iterations: 7,
    starts: 2,
    engine,
    ...options,
    onProgress(progress) {
      if (progress.stage === "assign" && progress.done === 0 && progress.iteration > 0) passes++;
      options.onProgress?.(progress);
    },
  });
  return { result, passes };
}

const savedAs = (fingerprint: string) => savedStarts({ folder, fingerprint, every: 0 });

for (const [kind, options] of Object.entries<Partial<KMeansOptions>>({
  "that runs to its limit": {},
  "that comes to rest": { tolerance: 0.01, iterations: 40 },
  "of unit centroids": { spherical: true },
})) {
  test(`k-means ${kind} goes on from any of its iterations to the same bits`, async () => {
    const whole = await cluster(options);
    const { iterations } = whole.result;
    for (const [start, iteration] of [
      [1, 3],
      [2, 1],
      [2, Math.min(5, iterations)],
    ]) {
      const saved = savedAs(`${kind.length}${start}${iteration}`);
      const stop = new AbortController();
      const interrupted = cluster({
        ...options,
        saved,
        signal: stop.signal,
        onProgress(progress) {
          const at = progress.start === start && progress.iteration === iteration;
          // The state of an iteration is saved before its rows are assigned.
          if (at && progress.done > 0 && progress.stage === "assign") stop.abort(new Error("stopped"));
        },
      });
      await assert.rejects(interrupted, /stopped/);
      const resumed = await cluster({ ...options, saved });
      assert.deepEqual(resumed.result, whole.result);
      assert.ok(resumed.passes < whole.passes, `${resumed.passes} iterations after ${start}.${iteration}`);
      // What is finished is not repeated.
      assert.equal((await cluster({ ...options, saved })).passes, 2);
    }
  });
}

test("a state of other rows is not found, and a damaged one is passed over", async () => {
  const whole = await cluster({ saved: savedAs("mine") });
  assert.equal(await savedAs("others").load(1), undefined);
  const names = (await readdir(folder)).filter((name) => name.startsWith("saved.mine."));
  assert.equal(names.length, 2);
  for (const name of names) await truncate(join(folder, name), 100);
  assert.equal(await savedAs("mine").load(1), undefined);
  assert.deepEqual(await cluster({ saved: savedAs("mine") }), whole);
});

test("states are not written more often than is worth while", async () => {
  const seldom = savedStarts({ folder, fingerprint: "seldom", every: 60_000 });
  const centroids = Float32Array.of(1, 2);
  await seldom.save({ start: 1, iteration: 4, centroids });
  assert.equal(await seldom.load(1), undefined);
  await seldom.save({ start: 1, iteration: 5, centroids, converged: false });
  assert.deepEqual(await seldom.load(1), { start: 1, iteration: 5, centroids, converged: false });
});
