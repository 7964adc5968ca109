import { UnavailableError } from "../../errors.js";
import { POOLED } from "../../onnx/pooling.js";
import { normaliseInto } from "../normalise.js";
import { averageParts } from "./average.js";
import { type Batch, coarseLength, paddedLength } from "./batching.js";
import { fillFeeds } from "./feeds.js";
import { loadSession } from "./load-session.js";
import type { EmbeddedWindow, SessionProbe, SessionReady, SessionStartup, TokenParts } from "./messages.js";
import { runBatches } from "./run-batches.js";
import { TokenBudget } from "./token-budget.js";

/**
 * A model on a device. Blocks its thread while it computes, so it lives in a worker.
 *
 * On a processor the vector of a text is the same to the bit whatever else is in its batch: products sum in one order,
 * padding adds zeros, and models that quantise activations by batch are run one text at a time. On a GPU the libraries
 * choose their kernels by the size of the batch, so vectors may differ in their last bits with `--batch-tokens`.
 */
export interface EmbeddingSession extends SessionReady {
  /**
   * Runs the model at its limits (largest id, longest text), so that whatever does not fit shows before any work.
   * @throws UnavailableError
   */
  probe(probe: SessionProbe): Promise<void>;
  /** Vectors of a window of token ids. */
  embed(window: TokenParts): Promise<EmbeddedWindow>;
}

/**
 * Padded tokens of a batch where the user does not say. On a processor a run of 512 fits the caches, and is 10 % faster than
 * one of 4096; more threads want more rows. The builtin model's cost does not grow with its batches.
 */
const BATCH_TOKENS = { builtin: 16_384, cpu: 512, gpu: 32_768 };
const TOKENS_PER_THREAD = 128;

/** Longest text that is tried before the work begins: one of 8192 tokens, as some models take, may need gigabytes. */
const LONGEST_PROBE = 1024;

/** Longest run of a model on a processor that is aimed at, in milliseconds: a run cannot be broken off. */
const LONGEST_RUN = 800;

/**
 * Loads the model and runs it once.
 * @throws UnavailableError naming the model, what is wrong and the cure
 */
export async function createEmbeddingSession(startup: SessionStartup): Promise<EmbeddingSession> {
  const { model, provider, threads, batchTokens } = startup;
  const { name, maxTokens } = model;
  const { session, inspected, inputTypes } = await loadSession(startup);
  const kind = model.onnxPath === undefined ? "builtin" : provider === "cpu" ? "cpu" : "gpu";
  const budget = new TokenBudget({
    tokens: batchTokens ?? Math.max(BATCH_TOKENS[kind], kind === "cpu" ? TOKENS_PER_THREAD * threads : 0),
    milliseconds: kind === "cpu" && batchTokens === undefined ? LONGEST_RUN : undefined,
  });
  // A scale of activations that a batch shares would let the vector of a text depend on its neighbours and its padding.
  const alone = inspected.quantisesActivations;
  const pad = kind === "builtin" ? coarseLength : paddedLength;
  const lengthOf = alone ? (tokens: number) => tokens : (tokens: number) => pad(tokens, maxTokens);

  let dim = 0;
  const run = async (window: { ids: Int32Array; offsets: Int32Array }, batch: Batch): Promise<Float32Array> => {
    const { [POOLED]: pooled } = await session.run(fillFeeds(window, batch, inputTypes), [POOLED]);
    dim = pooled.dims[1];
    return pooled.data as Float32Array;
  };
  /** One text of `tokens` times the same id. */
  const tryOut = async (tokens: number, id: number): Promise<void> => {
    const ids = new Int32Array(tokens).fill(id);
    const vector = await run({ ids, offsets: Int32Array.of(0, tokens) }, { members: Int32Array.of(0), length: tokens });
    normaliseInto(vector, 0, new Float32Array(dim), 0, dim, name);
  };
  try {
    await tryOut(2, 0);
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause;
    const why = (cause as Error).message.trim();
    const cure = /f16/.test(why) ? "use --dtype fp32" : "check that its ONNX file is complete";
    throw new UnavailableError(`model ${name} does not run on ${provider}: ${why}; ${cure}`);
  }

  return {
    dim,
    async probe({ largestId }) {
      if (largestId === undefined) return;
      const { vocabulary } = inspected;
      const wrong = (why: string) =>
        new UnavailableError(
          `model ${name}: ${why}; take tokenizer.json, config.json and the ONNX file from one repository`,
        );
      // Not left to the model: on some devices an id outside of the table ends the process.
      if (vocabulary !== undefined && largestId >= vocabulary) {
        throw wrong(`its tokenizer has token id ${largestId}, but its table has ${vocabulary} entries`);
      }
      const tokens = Math.min(maxTokens, LONGEST_PROBE);
      try {
        await tryOut(tokens, largestId);
      } catch (cause) {
        if (cause instanceof UnavailableError) throw cause;
        throw wrong(`it does not take ${tokens} tokens of id ${largestId}: ${(cause as Error).message}`);
      }
    },
    async embed(window) {
      const { ids, offsets, firstPart } = window;
      const parts = offsets.length - 1;
      const notes: string[] = [];
      const vectors = new Float32Array(parts * dim);
      const directed = new Uint8Array(parts);
      const paddedTokens = await runBatches({
        offsets,
        lengthOf,
        budget,
        maxRows: alone ? 1 : Number.POSITIVE_INFINITY,
        run: (batch) => run(window, batch),
        take({ members }, values) {
          for (let i = 0; i < members.length; i++) {
            const part = members[i];
            if (normaliseInto(values, i * dim, vectors, part * dim, dim, name)) directed[part] = 1;
          }
        },
        note: (message) => notes.push(message),
      });
      const counts = { tokens: ids.length, paddedTokens, notes };
      if (firstPart === undefined) return { vectors, directed, ...counts };
      return { ...averageParts(vectors, dim, offsets, firstPart), ...counts };
    },
  };
}
