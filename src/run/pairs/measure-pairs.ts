import type { Embedder } from "../../embed/local/embedder.js";
import type { Guards } from "../../text/guard-choice.js";
import { guardSignature } from "../../text/guards.js";
import { normalise } from "../../text/normalise.js";
import { cosine } from "../../vectors/cosine.js";
import { orderedMap } from "../embed/ordered-map.js";
import { addRefused, requireFewRefused } from "../embed/refused-texts.js";
import type { RefusedText } from "../work/work-state.js";
import type { PairRecord } from "./labelled-pairs.js";

/** How near two texts are, as a run would see it. */
export interface PairMeasure {
  readonly pair: PairRecord;
  /** Float64 cosine, at most 1. Texts that are equal after normalising have 1. */
  readonly cosine: number;
  /**
   * Why a run never merges the pair, whatever its threshold: a guard tells the texts apart, a text has no direction,
   * or the server refuses a text.
   */
  readonly apart?: "guarded" | "undirected" | "refused";
}

/** Most pairs of a window, and windows in flight. */
const WINDOW_PAIRS = 1024;
const WINDOWS_IN_FLIGHT = 3;

/** Options of `measurePairs`. */
export interface MeasurePairsOptions {
  readonly pairs: AsyncIterable<PairRecord>;
  /** Starts the model at the first pair that needs one. */
  readonly start: () => Promise<Embedder>;
  /** Characters after which a window of texts is closed. */
  readonly windowChars: number;
  readonly guards: Guards;
  readonly signal?: AbortSignal;
}

/**
 * Embeds the two texts of each pair and measures their cosine, window by window and in the order of the pairs.
 * @throws UnavailableError where the model does not start, or the server refuses too many texts
 */
export async function* measurePairs(options: MeasurePairsOptions): AsyncGenerator<PairMeasure> {
  const { pairs, start, windowChars, guards, signal } = options;
  let starting: Promise<Embedder> | undefined;
  const embed = async (window: PairWindow) => {
    starting ??= start();
    const embedder = await starting;
    return { window, dim: embedder.dim, embedded: await embedder.embed(window.texts) };
  };
  const stop = () => void starting?.then(({ close }) => close()).catch(() => {});
  signal?.addEventListener("abort", stop);
  let refused: readonly RefusedText[] = [];
  let texts = 0;
  try {
    for await (const { window, dim, embedded } of orderedMap(windowsOf(pairs, windowChars), embed, WINDOWS_IN_FLIGHT)) {
      signal?.throwIfAborted();
      const { vectors, directed, refused: lost = [] } = embedded;
      const rows = Array.from(window.texts, (_, i) => (texts + i) >> 1);
      refused = addRefused(refused, { texts: window.texts, rows }, embedded);
      texts += window.texts.length;
      const lostTexts = new Set(lost.map(({ index }) => index));
      for (const [i, pair] of window.pairs.entries()) {
        const [a, b] = [2 * i, 2 * i + 1];
        const product = Math.min(1, cosine(vectors, a * dim, vectors, b * dim, dim));
        if (lostTexts.has(a) || lostTexts.has(b)) yield { pair, cosine: product, apart: "refused" };
        else if (normalise(pair.first) === normalise(pair.second)) yield { pair, cosine: 1 };
        else if (!(directed[a] && directed[b])) yield { pair, cosine: product, apart: "undirected" };
        else if (keepsApart(pair, guards)) yield { pair, cosine: product, apart: "guarded" };
        else yield { pair, cosine: product };
      }
    }
    requireFewRefused(refused, texts);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
    await starting?.then(({ close }) => close()).catch(() => {});
  }
}

/** Whether a guard keeps the texts of a pair apart. */
export function keepsApart({ first, second }: Pick<PairRecord, "first" | "second">, guards: Guards): boolean {
  return guardSignature(first, guards) !== guardSignature(second, guards);
}

/** Pairs that are embedded together, and their texts: those of pair i at 2i and 2i + 1. */
interface PairWindow {
  readonly pairs: PairRecord[];
  readonly texts: string[];
}

async function* windowsOf(pairs: AsyncIterable<PairRecord>, windowChars: number): AsyncGenerator<PairWindow> {
  let window: PairWindow = { pairs: [], texts: [] };
  let chars = 0;
  for await (const pair of pairs) {
    window.pairs.push(pair);
    window.texts.push(pair.first, pair.second);
    chars += pair.first.length + pair.second.length;
    if (window.pairs.length < WINDOW_PAIRS && chars < windowChars) continue;
    yield window;
    window = { pairs: [], texts: [] };
    chars = 0;
  }
  if (window.pairs.length > 0) yield window;
}
