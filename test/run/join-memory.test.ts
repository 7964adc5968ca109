import assert from "node:assert/strict";
import { it } from "node:test";
import { planCodes } from "../../src/join/codes/code-plan.js";
import { LocalHost } from "../../src/join/column-host.js";
import { dealGroups } from "../../src/join/deal.js";
import { joinByCodes } from "../../src/join/join-by-codes.js";
import { Judge } from "../../src/join/judge.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";
import type { VectorReader } from "../../src/vectors/reader.js";
import { columnWorkers } from "../../src/workers/column-workers.js";

const DIM = 512;
const MEBIBYTE = 2 ** 20;
/** What a run leaves beside the memory of the join, as src/run/work/memory.ts says. */
const COLLECTED_LATE = 112 * MEBIBYTE;

/** Vectors that are made when they are asked for, so that they take no memory of their own; hardly any two are near. */
function madeVectors(count: number): VectorReader {
  return {
    count,
    dim: DIM,
    async gather(positions, into) {
      for (let i = 0; i < positions.length; i++) {
        let state = Math.imul(positions[i] + 1, 0x9e3779b1) | 1;
        let squares = 0;
        for (let c = i * DIM; c < (i + 1) * DIM; c++) {
          state ^= state << 13;
          state ^= state >>> 17;
          state ^= state << 5;
          into[c] = state;
          squares += into[c] * into[c];
        }
        for (let c = i * DIM; c < (i + 1) * DIM; c++) into[c] /= Math.sqrt(squares);
      }
    },
  };
}

/** Joins by codes beside workers, over several blocks; returns the most resident memory of the process so far. */
async function joinWithin(memory: number, count: number, workerCount: number): Promise<number> {
  const vectors = madeVectors(count);
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const engine = createOrtEngine({ threads: 1 });
  const options = { vectors, order, threshold: 0.9, engine, memory };
  const workers = await columnWorkers(workerCount + 1).start(workerCount);
  const local = new LocalHost(engine);
  const plan = await planCodes(options);
  const judge = new Judge({ count, dim: DIM, threshold: 0.9 });
  try {
    const deal = dealGroups({ local, workers, rows: count, dim: DIM, productNs: 100 });
    await joinByCodes(options, { plan, judge, deal });
  } finally {
    await plan.release();
    await Promise.all([...workers, local].map((host) => host.close()));
  }
  return process.resourceUsage().maxRSS * 1024;
}

it("the join beside workers takes no more memory than it may, whatever the number of vectors", async () => {
  // What program, workers and sessions take, a join of few vectors shows. Those of the second take 117 MB and their codes, once
  // as rows and once as columns, 69 MB.
  const memory = 32 * MEBIBYTE;
  const before = await joinWithin(8 * MEBIBYTE, 4000, 2);
  const grown = (await joinWithin(memory, 60_000, 2)) - before;
  assert.ok(grown < memory + COLLECTED_LATE, `${(grown / MEBIBYTE).toFixed(1)} MB more, of ${memory / MEBIBYTE} MB`);
});
