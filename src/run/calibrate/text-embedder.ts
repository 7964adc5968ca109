import type { PreparedModel } from "../embed/prepared-model.js";

/** Vectors of a window of texts, in the order of the texts. */
export interface TextVectors {
  /** Number of the first text of the window among all texts. */
  readonly first: number;
  /** n × dim, row-major, unit vectors; zeros where a text has no direction or the server refuses it. */
  readonly vectors: Float32Array;
  /** 1 for each text that has a vector, else 0. */
  readonly directed: Uint8Array;
}

/** Embeds texts that do not come from a file. */
export interface TextEmbedder {
  /** Embeds texts window by window. @throws the signal's reason once that is aborted */
  embed(texts: readonly string[], signal?: AbortSignal): AsyncGenerator<TextVectors>;
  close(): Promise<void>;
}

/** Most texts of a window, as in the first pass of a run. */
const WINDOW_TEXTS = 2048;

/**
 * Starts a model for texts in memory. They go to the model in windows of the same bounds as those of a run.
 * @returns an embedder that the caller closes
 */
export async function startTextEmbedder({ start, windowChars }: PreparedModel): Promise<TextEmbedder> {
  const embedder = await start();
  return {
    async *embed(texts, signal) {
      let first = 0;
      for (const window of windowsOf(texts, windowChars)) {
        signal?.throwIfAborted();
        const { vectors, directed } = await embedder.embed(window);
        yield { first, vectors, directed };
        first += window.length;
      }
    },
    close: () => embedder.close(),
  };
}

function* windowsOf(texts: readonly string[], windowChars: number): Generator<string[]> {
  let window: string[] = [];
  let chars = 0;
  for (const text of texts) {
    window.push(text);
    chars += text.length;
    if (window.length < WINDOW_TEXTS && chars < windowChars) continue;
    yield window;
    window = [];
    chars = 0;
  }
  if (window.length > 0) yield window;
}
