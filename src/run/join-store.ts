import type { ReferenceVectors } from "../join/join-options.js";
import type { JoinResult } from "../join/judge.js";
import { selfJoin } from "../join/self-join.js";
import type { Engine } from "../onnx/engine.js";
import type { OrtOptions, Provider } from "../onnx/ort-engine.js";
import type { Reporter } from "../reporter.js";
import { openVectorStore } from "../vectors/store.js";
import { columnWorkers } from "../workers/column-workers.js";
import type { DedupOptions } from "./options.js";
import { vectorBudget } from "./work/memory.js";

/**
 * Joins all vectors of the finished store. The join may hold as many bytes as `--memory` leaves beside what is resident
 * by now.
 * @param options.path the store
 * @param options.order every vector position once, in priority order
 * @param options.signatures guard signature of each vector; absent if no guard is active
 * @param options.references kept vectors of the references, if there are any
 * @param options.provider device that computes the products; the decisions do not depend on it
 */
export async function joinStore(options: {
  options: DedupOptions;
  path: string;
  threshold: number;
  order: Uint32Array;
  signatures?: BigUint64Array;
  references?: ReferenceVectors;
  provider: Provider;
  reporter: Reporter;
  signal?: AbortSignal;
}): Promise<JoinResult> {
  const { path, threshold, order, signatures, references, provider, reporter, signal } = options;
  const { memory, threads } = options.options;
  // Reference vectors that have passed by count as rows of the stage, since with many references they are its work.
  const done = { references: 0, rows: 0 };
  const stage = reporter.stage("join", (references?.order.length ?? 0) + order.length);
  const advance = (part: Partial<typeof done>) => {
    Object.assign(done, part);
    stage.advance(done.references + done.rows);
  };
  const vectors = await openVectorStore(path);
  try {
    const result = await selfJoin({
      vectors,
      order,
      threshold,
      signatures,
      references,
      engine: engineOnDemand({ threads: 1 }),
      wideEngine: engineOnDemand({ threads }),
      workers: columnWorkers(threads, provider),
      memory: vectorBudget(memory),
      onProgress: (rows) => advance({ rows }),
      onReferences: (compared) => advance({ references: compared }),
      signal,
    });
    stage.end();
    return result;
  } finally {
    await vectors.close();
  }
}

/** The engine on onnxruntime, whose libraries are loaded when the first product is compiled: few vectors need none. */
function engineOnDemand(options: OrtOptions): Engine {
  return {
    async compile(model) {
      const { createOrtEngine } = await import("../onnx/ort-engine.js");
      return createOrtEngine(options).compile(model);
    },
  };
}
