import type { Embedder, TokenParts } from "../embed/local/embedder.js";
import { joinVectors, splitWindow } from "../embed/local/split-window.js";
import type { LongText, ModelSpec } from "../models/spec.js";
import { deviceTurn } from "../onnx/device-turn.js";
import type { Provider } from "../onnx/ort-engine.js";
import { leastLoaded, startWorkers } from "./client.js";
import { joinedTexts, moving, type Workers } from "./messages.js";

/** Options of `startEmbedder`. */
export interface EmbedderOptions {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Number of threads of all sessions together. */
  readonly threads: number;
  /** Number of sessions that share each window (1). A device takes only one. Each session holds the model in memory. */
  readonly sessions?: number;
  /** Number of tokenizing workers. */
  readonly tokenizers: number;
  /** Padded tokens of a batch. If absent, the session chooses by its device. */
  readonly batchTokens?: number;
  /** What happens to texts that are longer than the model takes (they are cut). */
  readonly long?: LongText;
  /** Called with messages for the user, such as that the device ran short of memory. */
  readonly note?: (message: string) => void;
}

/**
 * Starts the tokenizing workers and one worker for each session, and waits until the model has run at its limits.
 * @returns an embedder that the caller closes; closing ends all workers
 * @throws UnavailableError if the model or the device cannot be had
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
        const tokensOf = countTokens(parts);
        const pieces = splitWindow(parts, sessions).map((piece) =>
          session.call("embed", moving(piece, piece.ids, piece.offsets, piece.firstPart)),
        );
        const vectors = joinVectors(await Promise.all(pieces));
        for (const message of vectors.notes ?? []) note(message);
        return { ...vectors, truncated, tokensOf };
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

/** Tokens of each text. */
function countTokens({ offsets, firstPart }: TokenParts): Uint32Array<ArrayBuffer> {
  const texts = (firstPart ?? offsets).length - 1;
  const endOf = (text: number) => offsets[firstPart === undefined ? text : firstPart[text]];
  return Uint32Array.from({ length: texts }, (_, text) => endOf(text + 1) - endOf(text));
}
