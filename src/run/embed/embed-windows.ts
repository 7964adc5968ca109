import { OutageError } from "../../embed/endpoint/outage.js";
import type { WindowVectors } from "../../embed/local/embedder.js";
import type { VectorCache } from "../../workers/vector-cache.js";
import type { TextWindow } from "../read/read-texts.js";
import { type EmbeddedWindow, embedGroup, gatherWindows, type KnownWindow } from "./cached-windows.js";
import { orderedMap } from "./ordered-map.js";
import type { WindowEmbedder } from "./window-embedder.js";

/** Number of windows in flight: one is being tokenized, one is on the device, one is being stored. */
const WINDOWS_IN_FLIGHT = 3;

/** Number of windows that are looked up in a cache ahead of those that are embedded. */
const LOOKUPS_IN_FLIGHT = 2;

/** Found vectors that wait, window after window, for a group of missing texts; 64 MB at a `--memory` of 4 GB. */
const HELD_SHARE = 1 / 64;

/** Options of `embedInOrder`. */
export interface EmbedInOrderOptions {
  readonly windows: AsyncIterable<TextWindow>;
  /** Whether the vectors of a window are stored already, so that it is passed on without them; none are if absent. */
  readonly stored?: (window: TextWindow) => boolean;
  /** Starts the model, or gives the one that was started. Not called if no vector is missing. */
  readonly start: () => Promise<WindowEmbedder>;
  /** Knows vectors of earlier runs; absent if the run has no cache. */
  readonly cache?: VectorCache;
  /** Characters of missing texts that are embedded together, as of a window. */
  readonly windowChars?: number;
  /** `--memory`, in bytes. */
  readonly memory?: number;
}

/**
 * Gives windows their vectors, in order: those of the cache, and those of the model for what the cache lacks. Several
 * windows are in flight.
 * @throws whatever the source of the windows and the model throw
 */
export async function* embedInOrder(options: EmbedInOrderOptions): AsyncGenerator<EmbeddedWindow> {
  const { windows, stored = () => false, start, cache, windowChars = 0, memory = 0 } = options;
  const lookUp = async (window: TextWindow): Promise<KnownWindow> => {
    if (stored(window)) return { window, stored: true };
    return { window, stored: false, known: await cache?.lookUp(window.texts) };
  };
  const known = orderedMap(windows, lookUp, cache === undefined ? 1 : LOOKUPS_IN_FLIGHT);
  const groups = gatherWindows(known, { chars: windowChars, bytes: HELD_SHARE * memory });
  const embed = (group: readonly KnownWindow[]) => embedGroup(group, start, cache);
  for await (const group of orderedMap(groups, embed, WINDOWS_IN_FLIGHT)) yield* group;
}

/**
 * Picks the rows and vectors of the texts that have a direction. Usually every text has one, and nothing is copied.
 * @param vectors of the texts of a window, `dim` components each
 */
export function takeDirected(
  window: TextWindow,
  { vectors, directed }: Pick<WindowVectors, "vectors" | "directed">,
  dim: number,
): { readonly rows: readonly number[]; readonly vectors: Float32Array } {
  if (!directed.includes(0)) return { rows: window.rows, vectors };
  const rows: number[] = [];
  const taken = new Float32Array(vectors.length);
  for (let i = 0; i < window.rows.length; i++) {
    if (directed[i] === 0) continue;
    taken.set(vectors.subarray(i * dim, (i + 1) * dim), rows.length * dim);
    rows.push(window.rows[i]);
  }
  return { rows, vectors: taken.subarray(0, rows.length * dim) };
}

/** The error as a person is told it: that of a server that is given up says how the work goes on. */
export function withResume(error: unknown): unknown {
  if (!(error instanceof OutageError)) return error;
  return new OutageError(`${error.message}, then run the same command again: it resumes where it stopped`);
}
