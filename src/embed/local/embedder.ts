import type { LongText, ModelSpec } from "../../models/spec.js";
import { takeDevice } from "../../onnx/device-turn.js";
import type { Provider } from "../../onnx/ort-engine.js";
import { startWorkers } from "../../workers/client.js";
import type {
  EmbeddedWindow,
  SessionProbe,
  SessionReady,
  SessionStartup,
  TokenizedWindow,
  TokenizeRequest,
  TokenizerReady,
  TokenizeStartup,
  TokenParts,
} from "./messages.js";
import { joinVectors, splitWindow } from "./split-window.js";
import { textsRequest } from "./texts-request.js";

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
  /** Milliseconds that each kind of worker has worked, all of its kind together; absent where none is of this machine. */
  busy?(): Readonly<Record<string, number>>;
  close(): Promise<void>;
}

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
  const {
    model,
    provider,
    threads,
    tokenizers,
    sessions = 1,
    batchTokens,
    long = "truncate",
    note = () => {},
  } = options;
  if (sessions > 1 && provider !== "cpu") throw new Error(`${sessions} sessions on ${provider}; a device takes one`);
  const giveBack = takeDevice(provider);
  const tokenizeStartup: TokenizeStartup = { model, long };
  const sessionStartup: SessionStartup = {
    model,
    provider,
    threads: Math.max(1, Math.floor(threads / sessions)),
    batchTokens,
  };
  const tokenize = startWorkers<TokenizeRequest, TokenizedWindow | TokenizerReady>({
    module: new URL("./tokenize-worker.js", import.meta.url),
    startup: tokenizeStartup,
    count: tokenizers,
  });
  const session = startWorkers<TokenParts | SessionProbe, SessionReady | EmbeddedWindow>({
    module: new URL("./session-worker.js", import.meta.url),
    startup: sessionStartup,
    count: sessions,
  });
  const close = async () => {
    await Promise.all([tokenize.close(), session.close()]);
    giveBack();
  };
  try {
    const { largestId } = (await tokenize.call(null)) as TokenizerReady;
    // As many calls as there are sessions reach each of them once.
    const ready = Array.from({ length: sessions }, () => session.call({ largestId }) as Promise<SessionReady>);
    const [{ dim }] = await Promise.all(ready);
    return {
      dim,
      async embed(texts) {
        const request = textsRequest(texts);
        const window = (await tokenize.call(request, [request.ends.buffer])) as TokenizedWindow;
        const { truncated, ...parts } = window;
        const pieces = splitWindow(parts, sessions).map((piece) => {
          const moved = [piece.ids, piece.offsets, ...(piece.firstPart === undefined ? [] : [piece.firstPart])];
          const buffers = moved.map(({ buffer }) => buffer as ArrayBuffer);
          return session.call(piece, buffers) as Promise<EmbeddedWindow>;
        });
        const vectors = joinVectors(await Promise.all(pieces));
        for (const message of vectors.notes ?? []) note(message);
        return { ...vectors, truncated };
      },
      busy: () => ({ tokenize: tokenize.busy, embed: session.busy }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
