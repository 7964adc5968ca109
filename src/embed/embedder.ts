import type { LongText, ModelSpec } from "../model/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import type {
  EmbeddedWindow,
  SessionProbe,
  SessionReady,
  SessionStartup,
  TokenizedWindow,
  TokenizeRequest,
  TokenizerReady,
  TokenizeStartup,
} from "./messages.js";
import { startWorkers } from "./worker-client.js";

/** Vectors of a window of texts, in the order of the texts. */
export interface WindowVectors extends EmbeddedWindow {
  /** 1 where the text was cut to the model's length. */
  readonly truncated: Uint8Array;
}

/** Texts to vectors, away from the main thread. */
export interface Embedder {
  readonly dim: number;
  /** May be called again before the last call has settled; two or three calls in flight keep the device busy. */
  embed(texts: readonly string[]): Promise<WindowVectors>;
  close(): Promise<void>;
}

/** How an embedder is set up. */
export interface EmbedderOptions {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Threads of the session. */
  readonly threads: number;
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
 * Starts tokenizing workers and the worker that owns the session, and waits until the model has run at its limits.
 * @throws UnavailableError where the model or the device cannot be had
 */
export async function startEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const { model, provider, threads, tokenizers, batchTokens, long = "truncate", note = () => {} } = options;
  const tokenizeStartup: TokenizeStartup = { model, long };
  const sessionStartup: SessionStartup = { model, provider, threads, batchTokens };
  const tokenize = startWorkers<TokenizeRequest, TokenizedWindow | TokenizerReady>({
    module: new URL("./tokenize-worker.js", import.meta.url),
    startup: tokenizeStartup,
    count: tokenizers,
  });
  const session = startWorkers<TokenizedWindow | SessionProbe, SessionReady | EmbeddedWindow>({
    module: new URL("./session-worker.js", import.meta.url),
    startup: sessionStartup,
    count: 1,
  });
  const close = async () => {
    await Promise.all([tokenize.close(), session.close()]);
  };
  try {
    const { largestId } = (await tokenize.call(null)) as TokenizerReady;
    const { dim } = (await session.call({ largestId })) as SessionReady;
    return {
      dim,
      async embed(texts) {
        const ends = new Uint32Array(texts.length);
        let end = 0;
        for (let i = 0; i < texts.length; i++) ends[i] = end += texts[i].length;
        const request = { joined: texts.join(""), ends };
        const window = (await tokenize.call(request, [ends.buffer])) as TokenizedWindow;
        const { ids, offsets, firstPart, truncated } = window;
        const moved = [ids, offsets, ...(firstPart === undefined ? [] : [firstPart])];
        const vectors = (await session.call(
          { ids, offsets, firstPart, truncated },
          moved.map(({ buffer }) => buffer as ArrayBuffer),
        )) as EmbeddedWindow;
        for (const message of vectors.notes ?? []) note(message);
        return { ...vectors, truncated };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
