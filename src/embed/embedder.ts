import type { ModelSpec } from "../model/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import type {
  EmbeddedWindow,
  SessionReady,
  SessionStartup,
  TokenizedWindow,
  TokenizeRequest,
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
  /** Padded tokens of a batch. */
  readonly batchTokens: number;
}

/**
 * Starts tokenizing workers and the worker that owns the session, and waits until the model has run once.
 * @throws UnavailableError where the model or the device cannot be had
 */
export async function startEmbedder(options: EmbedderOptions): Promise<Embedder> {
  const { model, provider, threads, tokenizers, batchTokens } = options;
  const tokenizeStartup: TokenizeStartup = { model };
  const sessionStartup: SessionStartup = { model, provider, threads, batchTokens };
  const tokenize = startWorkers<TokenizeRequest, TokenizedWindow>({
    module: new URL("./tokenize-worker.js", import.meta.url),
    startup: tokenizeStartup,
    count: tokenizers,
  });
  const session = startWorkers<TokenizedWindow | null, SessionReady | EmbeddedWindow>({
    module: new URL("./session-worker.js", import.meta.url),
    startup: sessionStartup,
    count: 1,
  });
  const close = async () => {
    await Promise.all([tokenize.close(), session.close()]);
  };
  try {
    const [{ dim }] = await Promise.all([session.call(null) as Promise<SessionReady>, tokenize.call({ texts: [""] })]);
    return {
      dim,
      async embed(texts) {
        const { ids, offsets, truncated } = await tokenize.call({ texts });
        const window: TokenizedWindow = { ids, offsets, truncated };
        const transfer = [ids.buffer as ArrayBuffer, offsets.buffer as ArrayBuffer];
        const vectors = (await session.call(window, transfer)) as EmbeddedWindow;
        return { ...vectors, truncated };
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
