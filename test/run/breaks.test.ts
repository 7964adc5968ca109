import assert from "node:assert/strict";
import { test } from "node:test";
import { createBreaks } from "../../src/breaks.js";
import { startCentroids } from "../../src/cluster/seed/start.js";
import { arrayVectors, everyRow, randomVectors } from "../cluster/oracle.js";

test("a long loop of short units lets timers run and stops once the signal is aborted", async () => {
  const stop = new AbortController();
  const pause = createBreaks(stop.signal);
  setTimeout(() => stop.abort(new Error("enough")), 1);
  const loop = async () => {
    for (let unit = 0; unit < 1e9; unit++) {
      for (const end = performance.now() + 1; performance.now() < end; );
      await pause();
    }
  };
  await assert.rejects(loop, /enough/);
});

test("seeding pauses after units of work of a bounded size, for few clusters and many", async () => {
  const n = 4000;
  const dim = 40;
  const vectors = arrayVectors(randomVectors(n, dim, 1), dim);
  for (const k of [10, 700]) {
    let pauses = 0;
    const pause = async () => {
      pauses++;
      if (pauses === 100) throw new Error("stopped while seeding");
    };
    const seeding = startCentroids({ vectors, positions: everyRow(n), k, seed: 1, tileRows: 64, pause });
    await assert.rejects(seeding, /stopped while seeding/);
  }
});
