import type { Embedder } from "../embed/local/embedder.js";
import { joinVectors, splitWindow } from "../embed/local/split-window.js";
import { builtin } from "../models/builtin.js";
import type { LongText, ModelSpec } from "../models/spec.js";
import { deviceTurn } from "../onnx/device-turn.js";
import type { Provider } from "../onnx/ort-engine.js";
import { leastLoaded, startWorkers } from "./client.js";
import { type JoinedTexts, type Moving, moving, type Workers } from "./messages.js";

/** How an embedder is set up. */
export interface EmbedderOptions {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Threads of all sessions together. */
  readonly threads: number;
  /** Sessions that share each window, 1 where absent and on any device but the processor. Each holds the model in memory. */
  readonly sessions?: number;
  /** Tokenizing workers. */
  readonly tokenizers: number;
  /** Padded tokens of a batch; chosen by device where absent. */
  readonly batchTokens?: number;
  /** What becomes of texts that are longer than the model takes; they are cut where absent. */
  readonly long?: LongText;
  /** Told once of what a person should know, such as that memory was short. */
  readonly note?: (message: string) => void;
}

/**
 * Starts tokenizing workers and the workers that own a session each, and waits until the model has run at its limits.
 * @throws UnavailableError where the model or the device cannot be had
 */
export async function startEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const { model, provider, threads, tokenizers, sessions = 1, batchTokens, long = "truncate" } = options;
  const { note = () => {} } = options;
  if (sessions > 1 && provider !== "cpu") throw new Error(`${sessions} sessions on ${provider}; a device takes one`);
  const onEnd = await deviceTurn(provider);
  const sessionWorkers = startWorkers<Workers["session"]>({
    module: new URL("./session-worker.js", import.meta.url),
    startup: { model, provider, threads: Math.max(1, Math.floor(threads / sessions)), batchTokens },
    count: sessions,
    onEnd,
  });
  const session = leastLoaded(sessionWorkers);
  const started: { close(): Promise<void> }[] = [session];
  const close = async () => {
    await Promise.all(started.map((workers) => workers.close()));
  };
  try {
    const tokenizer = startTokenizers(model, long, tokenizers);
    started.push(tokenizer);
    const largestId = await tokenizer.call("largestId", undefined);
    const [dim] = await Promise.all(sessionWorkers.map(({ call }) => call("probe", largestId)));
    return {
      dim,
      async embed(texts) {
        const { truncated, ...parts } = await tokenizer.call("tokenize", joinedTexts(texts));
        const pieces = splitWindow(parts, sessions).map((piece) =>
          session.call("embed", moving(piece, piece.ids, piece.offsets, piece.firstPart)),
        );
        const vectors = joinVectors(await Promise.all(pieces));
        for (const message of vectors.notes ?? []) note(message);
        return { ...vectors, truncated };
      },
      busy: () => ({ tokenize: tokenizer.busy, embed: session.busy }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function startTokenizers(model: ModelSpec, long: LongText, count: number) {
  const module = new URL("./tokenize-worker.js", import.meta.url);
  return leastLoaded(startWorkers<Workers["tokenize"]>({ module, startup: { model, long }, count }));
}

/**
 * Starts the builtin model on processors, whose vectors need no session: each worker turns windows of texts into vectors by
 * itself.
 * @param options.maxTokens n-grams of a text that are used
 */
export function startBuiltinEmbedder(options: { maxTokens: number; workers: number }): Embedder {
  const { maxTokens, workers: count } = options;
  const module = new URL("./builtin-worker.js", import.meta.url);
  const workers = leastLoaded(startWorkers<Workers["builtin"]>({ module, startup: { maxTokens }, count }));
  return {
    dim: builtin.dim,
    embed: (texts) => workers.call("embed", joinedTexts(texts)),
    busy: () => ({ embed: workers.busy }),
    close: workers.close,
  };
}

function joinedTexts(texts: readonly string[]): Moving<JoinedTexts> {
  const ends = new Uint32Array(texts.length);
  let end = 0;
  for (let i = 0; i < texts.length; i++) ends[i] = end += texts[i].length;
  return moving({ joined: texts.join(""), ends }, ends);
}
