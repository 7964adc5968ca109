import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Engine, Kernel, Tile } from "./engine.js";

/** Execution providers by onnxruntime's names. */
export type Provider = "cpu" | "cuda" | "webgpu" | "dml" | "coreml";

/** The device and threads of sessions. */
export interface OrtOptions {
  /** Threads inside one operator; 0 lets onnxruntime choose. */
  readonly threads: number;
  /** Execution provider, by onnxruntime's name. */
  readonly provider?: Provider;
}

/** Session options shared by every graph of this program: sequential, nothing logged (errors are thrown). */
export function sessionOptions({ threads, provider = "cpu" }: OrtOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 4,
  };
}

/**
 * Threads of kernels sleep between operators. A join holds tens of sessions, each with threads of its own that would
 * spin against those of the session that runs: measured with 24 sessions on 2 busy cores, 10 times slower.
 */
const withoutSpinning = { session: { intra_op: { allow_spinning: "0" } } };

function toTensors(tiles: Readonly<Record<string, Tile>>): Record<string, Tensor> {
  const tensors: Record<string, Tensor> = {};
  for (const [name, { dtype, shape, data }] of Object.entries(tiles)) {
    tensors[name] = new Tensor(dtype as "float32", data as Float32Array, shape);
  }
  return tensors;
}

/** The engine on onnxruntime. `run` blocks its thread for the length of the product; tiles are sized for that. */
export function createOrtEngine(options: OrtOptions): Engine {
  return {
    async compile(model: Uint8Array): Promise<Kernel> {
      const session = await InferenceSession.create(model, { ...sessionOptions(options), extra: withoutSpinning });
      return {
        async run(feeds) {
          const results = await session.run(toTensors(feeds));
          const outputs: Record<string, Tile> = {};
          for (const [name, tensor] of Object.entries(results)) {
            outputs[name] = { dtype: tensor.type, shape: tensor.dims, data: tensor.data } as Tile;
          }
          return outputs;
        },
        async release() {
          await session.release();
        },
      };
    },
  };
}
