import { readFile } from "node:fs/promises";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { UnavailableError } from "../errors.js";
import { builtin } from "../model/builtin.js";
import { inspectModel } from "../onnx/inspect.js";
import { sessionOptions } from "../onnx/ort-engine.js";
import { appendPooling, POOLED } from "../onnx/pooling.js";
import { type Batch, planBatches } from "./batching.js";
import type { EmbeddedWindow, SessionReady, SessionStartup, TokenizedWindow } from "./messages.js";

/** A model on a device. Blocks its thread while it computes, so it lives in a worker. */
export interface EmbeddingSession extends SessionReady {
  /** Vectors of a window of token ids. */
  embed(window: TokenizedWindow): Promise<EmbeddedWindow>;
}

/**
 * Loads the model with pooling appended and runs one probe, so that whatever is wrong with it shows before any work.
 * @throws UnavailableError naming the model, what is wrong and the cure
 */
export async function createEmbeddingSession(startup: SessionStartup): Promise<EmbeddingSession> {
  const { model, batchTokens } = startup;
  const session = await loadSession(startup);
  const { inputNames } = session;
  const run = async (window: TokenizedWindow, batch: Batch): Promise<{ values: Float32Array; dim: number }> => {
    const feeds = fillFeeds(window, batch, inputNames);
    const { [POOLED]: pooled } = await session.run(feeds, [POOLED]);
    return { values: pooled.data as Float32Array, dim: pooled.dims[1] };
  };

  const probe = { ids: Int32Array.of(0, 0), offsets: Int32Array.of(0, 2), truncated: new Uint8Array(1) };
  let dim: number;
  try {
    dim = (await run(probe, { members: Int32Array.of(0), length: 2 })).dim;
  } catch (cause) {
    const why = (cause as Error).message;
    throw new UnavailableError(`model ${model.name} does not run: ${why}; check that its ONNX file is complete`);
  }
  return {
    dim,
    async embed(window) {
      const rows = window.offsets.length - 1;
      const vectors = new Float32Array(rows * dim);
      const directed = new Uint8Array(rows);
      let paddedTokens = 0;
      for (const batch of planBatches(window.offsets, batchTokens, model.maxTokens)) {
        const { values } = await run(window, batch);
        paddedTokens += batch.length * batch.members.length;
        for (let i = 0; i < batch.members.length; i++) {
          const row = batch.members[i];
          if (normaliseInto(values, i * dim, vectors, row * dim, dim, model.name)) directed[row] = 1;
        }
      }
      return { vectors, directed, tokens: window.ids.length, paddedTokens };
    },
  };
}

async function loadSession({ model, provider, threads }: SessionStartup): Promise<InferenceSession> {
  const options = sessionOptions({ provider, threads });
  const path = model.onnxPath;
  let bytes: Uint8Array;
  try {
    bytes = path === undefined ? builtin.graph() : await readFile(path);
  } catch (cause) {
    throw new UnavailableError(`cannot read ${path}: ${(cause as Error).message}`);
  }
  try {
    const { inputs, outputs, externalData } = inspectModel(bytes);
    if (externalData) throw new Error("its weights lie in a separate file, which is not supported");
    bytes = appendPooling(bytes, { inputs, outputs, externalData }, model.pooling);
  } catch (cause) {
    throw new UnavailableError(`model ${model.name} cannot be used (${path}): ${(cause as Error).message}`);
  }
  try {
    return await InferenceSession.create(bytes, options);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new UnavailableError(
      `model ${model.name} does not load on ${provider}: ${why}; bge-dedup doctor lists the devices`,
    );
  }
}

/** Token ids as int64 tensors, written through an Int32Array view since ids are small and the machine little-endian. */
function fillFeeds({ ids, offsets }: TokenizedWindow, { members, length }: Batch, inputNames: readonly string[]) {
  const rows = members.length;
  const inputIds = new BigInt64Array(rows * length);
  const mask = new BigInt64Array(rows * length);
  const idWords = new Int32Array(inputIds.buffer);
  const maskWords = new Int32Array(mask.buffer);
  for (let r = 0; r < rows; r++) {
    const start = offsets[members[r]];
    const tokens = offsets[members[r] + 1] - start;
    for (let t = 0, at = r * length * 2; t < tokens; t++, at += 2) {
      idWords[at] = ids[start + t];
      maskWords[at] = 1;
    }
  }
  const shape = [rows, length];
  const feeds: Record<string, Tensor> = { input_ids: new Tensor("int64", inputIds, shape) };
  if (inputNames.includes("attention_mask")) feeds.attention_mask = new Tensor("int64", mask, shape);
  if (inputNames.includes("token_type_ids")) {
    feeds.token_type_ids = new Tensor("int64", new BigInt64Array(rows * length), shape);
  }
  return feeds;
}

/** Copies a vector scaled to unit length, in float64; false where it is zero and stays so. */
function normaliseInto(
  from: Float32Array,
  start: number,
  to: Float32Array,
  at: number,
  dim: number,
  name: string,
): boolean {
  let sum = 0;
  for (let i = 0; i < dim; i++) sum += from[start + i] ** 2;
  if (!Number.isFinite(sum)) {
    throw new UnavailableError(`model ${name} returned a vector with NaN or infinity; use another dtype or device`);
  }
  if (sum === 0) return false;
  const scale = 1 / Math.sqrt(sum);
  for (let i = 0; i < dim; i++) to[at + i] = from[start + i] * scale;
  return true;
}
