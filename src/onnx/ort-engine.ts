import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Engine, Kernel, Tile } from "./engine.js";

/** Execution providers by onnxruntime's names. */
export type Provider = "cpu" | "cuda" | "webgpu" | "dml" | "coreml";

/** Where and how wide sessions run. */
export interface OrtOptions {
  /** Threads inside one operator; 0 lets onnxruntime choose. */
  readonly threads: number;
  /** Execution provider, by onnxruntime's name. */
  readonly provider?: Provider;
}

/** Session options shared by every graph of this program: sequential, no spinning, errors only. */
export function sessionOptions({ threads, provider = "cpu" }: OrtOptions): InferenceSession.SessionOptions {
  return {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    logSeverityLevel: 3,
  };
}

/** The engine on onnxruntime. `run` blocks its thread for the length of the product; tiles are sized for that. */
export function createOrtEngine(options: OrtOptions): Engine {
  return {
    async compile(model: Uint8Array): Promise<Kernel> {
      const session = await InferenceSession.create(model, sessionOptions(options));
      return {
        async run(feeds) {
          const tensors: Record<string, Tensor> = {};
          for (const [name, { dtype, shape, data }] of Object.entries(feeds)) {
            tensors[name] = new Tensor(dtype as "float32", data as Float32Array, shape);
          }
          const results = await session.run(tensors);
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
