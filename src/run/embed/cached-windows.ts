import { emptyRecords, KEY_WORDS, type TextRecords } from "../../cache/record.js";
import type { RefusedInput, WindowVectors } from "../../embed/local/embedder.js";
import type { LookedUp } from "../../workers/messages.js";
import type { VectorCache } from "../../workers/vector-cache.js";
import type { TextWindow } from "../read/read-texts.js";
import { addRefused } from "./refused-texts.js";
import type { WindowEmbedder } from "./window-embedder.js";

/** A window and what is known of its vectors. */
export interface KnownWindow {
  readonly window: TextWindow;
  /** True if the store of the run has the vectors already. */
  readonly stored: boolean;
  /** What the cache has; absent if it was not asked or could not answer. */
  readonly known?: LookedUp;
}

/** A window with its vectors, which are absent if the store has them already. */
export interface EmbeddedWindow {
  readonly window: TextWindow;
  readonly embedded?: { readonly vectors: WindowVectors; readonly dim: number };
}

/** Most texts that a group lacks, as in a window. */
const LACKING_TEXTS = 2048;

/**
 * Gathers windows until they lack enough vectors to keep a model busy, so that few missing texts in each window make
 * batches as full as those of a run without a cache. Without a cache every window is a group of its own.
 * @param options.chars characters of missing texts after which a group is closed
 * @param options.bytes bytes of found vectors after which a group is closed
 */
export async function* gatherWindows(
  windows: AsyncIterable<KnownWindow>,
  { chars, bytes }: { readonly chars: number; readonly bytes: number },
): AsyncGenerator<readonly KnownWindow[]> {
  let group: KnownWindow[] = [];
  let [lackingChars, lackingTexts, held] = [0, 0, 0];
  for await (const each of windows) {
    group.push(each);
    if (!each.stored) {
      for (const i of lackingIn(each)) {
        lackingChars += each.window.texts[i].length;
        lackingTexts++;
      }
      held += each.known?.vectors.byteLength ?? 0;
    }
    const gathers = each.known !== undefined && each.known.dim > 0;
    if (gathers && lackingChars < chars && lackingTexts < LACKING_TEXTS && held < bytes) continue;
    yield group;
    group = [];
    [lackingChars, lackingTexts, held] = [0, 0, 0];
  }
  if (group.length > 0) yield group;
}

/**
 * Gives the windows of a group their vectors: those of the cache, and those of the model for the texts that the cache
 * lacks, which the cache then takes.
 * @param start starts the model; not called if nothing is missing
 */
export async function embedGroup(
  group: readonly KnownWindow[],
  start: () => Promise<WindowEmbedder>,
  cache: VectorCache | undefined,
): Promise<readonly EmbeddedWindow[]> {
  const lacking = group.map((each) => (each.stored ? [] : lackingIn(each)));
  if (lacking.every((texts) => texts.length === 0)) {
    return group.map((each) => embeddedOf(each, each.known?.dim ?? 0));
  }
  const embedder = await start();
  const { dim } = embedder;
  const [only] = group;
  if (group.length === 1 && lacking[0].length === only.window.texts.length) {
    const vectors = await embedder.embed(only.window);
    if (only.known !== undefined) await storeNew(cache, only.known.keys, only.window, vectors, dim);
    return [{ window: only.window, embedded: { vectors, dim } }];
  }
  const window = missingTexts(group, lacking);
  const vectors = await embedder.embed(window);
  // An embedder that refuses too many texts leaves the rest without vectors.
  addRefused([], window, vectors);
  const keys = new Uint32Array(window.texts.length * KEY_WORDS);
  let taken = 0;
  const filled = group.map((each, g): EmbeddedWindow => {
    if (each.stored) return { window: each.window };
    if (each.known !== undefined) copyKeys(each.known.keys, lacking[g], keys, taken);
    const embedded = fill(each, lacking[g], { vectors, first: taken, dim });
    taken += lacking[g].length;
    return embedded;
  });
  if (group.every(({ stored, known }) => stored || known !== undefined)) {
    await storeNew(cache, keys, window, vectors, dim);
  }
  return filled;
}

/** Numbers of the texts of a window that the cache lacks. */
function lackingIn({ window, known }: KnownWindow): number[] {
  const lacking: number[] = [];
  for (let i = 0; i < window.texts.length; i++) if (known === undefined || known.found[i] === 0) lacking.push(i);
  return lacking;
}

/** The missing texts of a group as one window. */
function missingTexts(group: readonly KnownWindow[], lacking: readonly (readonly number[])[]): TextWindow {
  return {
    texts: group.flatMap(({ window }, g) => lacking[g].map((i) => window.texts[i])),
    rows: group.flatMap(({ window }, g) => lacking[g].map((i) => window.rows[i])),
  };
}

/** A window whose every vector the cache has, or that is stored already. */
function embeddedOf({ window, stored, known }: KnownWindow, dim: number): EmbeddedWindow {
  if (stored || known === undefined) return { window };
  const { vectors, directed, truncated } = known;
  const tokens = known.tokens.reduce((sum, count) => sum + count, 0);
  return { window, embedded: { dim, vectors: { vectors, directed, truncated, tokens, paddedTokens: 0 } } };
}

/**
 * Puts the new vectors into the places of a window that the cache left empty.
 * @param made.vectors of the missing texts of the whole group; this window's begin at `made.first`
 */
function fill(
  { window, known }: KnownWindow,
  lacking: readonly number[],
  made: { readonly vectors: WindowVectors; readonly first: number; readonly dim: number },
): EmbeddedWindow {
  const { vectors: fresh, first, dim } = made;
  if (known !== undefined && known.dim > 0 && known.dim !== dim) {
    throw new Error(`the cache gave vectors of ${known.dim} components, and the model gives ${dim}`);
  }
  const texts = known !== undefined && known.dim > 0 ? known : emptyRecords(window.texts.length, dim);
  let tokens = texts.tokens.reduce((sum, count) => sum + count, 0);
  for (const [at, i] of lacking.entries()) {
    const from = first + at;
    texts.vectors.set(fresh.vectors.subarray(from * dim, (from + 1) * dim), i * dim);
    texts.directed[i] = fresh.directed[from];
    texts.truncated[i] = fresh.truncated[from];
    tokens += fresh.tokensOf?.[from] ?? 0;
  }
  // Where only the sum is known, the first window of the group takes it.
  if (fresh.tokensOf === undefined && first === 0 && lacking.length > 0) tokens += fresh.tokens;
  const { vectors, directed, truncated } = texts;
  const refused = (fresh.refused ?? []).flatMap(({ index, error }): RefusedInput[] =>
    index >= first && index < first + lacking.length ? [{ index: lacking[index - first], error }] : [],
  );
  return { window, embedded: { dim, vectors: { vectors, directed, truncated, tokens, paddedTokens: 0, refused } } };
}

function copyKeys(from: Uint32Array, texts: readonly number[], to: Uint32Array, first: number): void {
  for (const [at, i] of texts.entries()) {
    to.set(from.subarray(KEY_WORDS * i, KEY_WORDS * (i + 1)), KEY_WORDS * (first + at));
  }
}

/**
 * Hands new vectors to the cache and waits until it has them, so that a slow cache cannot pile them up. A refused text
 * has no vector and is left out: the server may embed it another time.
 */
async function storeNew(
  cache: VectorCache | undefined,
  keys: Uint32Array<ArrayBuffer>,
  { texts }: TextWindow,
  made: WindowVectors,
  dim: number,
): Promise<void> {
  const refused = new Set(made.refused?.map(({ index }) => index));
  const kept = texts.flatMap((_, i) => (refused.has(i) ? [] : [i]));
  const records: TextRecords = emptyRecords(kept.length, dim);
  const keptKeys = new Uint32Array(kept.length * KEY_WORDS);
  for (const [at, i] of kept.entries()) {
    records.vectors.set(made.vectors.subarray(i * dim, (i + 1) * dim), at * dim);
    records.directed[at] = made.directed[i];
    records.truncated[at] = made.truncated[i];
    records.tokens[at] = made.tokensOf?.[i] ?? 0;
  }
  copyKeys(keys, kept, keptKeys, 0);
  await cache?.store(keptKeys, records, dim);
}
