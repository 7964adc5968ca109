import { createReadStream } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { readColumns, readRows } from "../../io/arrow/number-table.js";
import { type TextWindow, WINDOW_TEXTS } from "../../run/read/read-texts.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";

/** A chunk of the texts of a shard: what one task embeds. */
export interface Chunk {
  readonly shard: number;
  /** Number of the chunk in its shard. */
  readonly part: number;
}

/**
 * Which chunk a task embeds: the tasks go through the chunks of the first shard, then through those of the next.
 * @param chunks number of chunks of each shard
 */
export function chunkOf(index: number, chunks: readonly number[]): Chunk {
  let part = index;
  for (const [shard, count] of chunks.entries()) {
    if (part < count) return { shard, part };
    part -= count;
  }
  throw new Error(`there is no chunk ${index}`);
}

/** The texts of a chunk that have to be embedded. */
export interface ChunkGroups {
  /** 1 for each text of the chunk's file that has to be embedded, else 0. */
  readonly wanted: Uint8Array;
  /** Number over all of each wanted group, ascending, and its first row over all. */
  readonly groups: Uint32Array;
  readonly rows: Float64Array;
}

/**
 * Finds which texts of a chunk have to be embedded: those of groups that begin in the shard and that no reference knows.
 * Memory: 4 bytes a group of the shard, and the columns of the groups that begin in the chunk.
 */
export async function chunkGroups(
  { shard, part }: Chunk,
  chunkTexts: number,
  number: FinishedTask<"number">,
): Promise<ChunkGroups> {
  const { group: all } = await readColumns<{ group: Uint32Array }>(number.path(FILES.number.shards), shard);
  const local = all.subarray(part * chunkTexts, (part + 1) * chunkTexts);
  const begin = number.facts.firstGroups[shard];
  const owned = local.filter((group) => group >= begin);
  const first = owned[0] ?? 0;
  const end = owned.length === 0 ? 0 : owned[owned.length - 1] + 1;
  const range = await readRows<{ first: Uint32Array; entry: Int32Array }>(number.path(FILES.number.groups), first, end);
  const wanted = Uint8Array.from(local, (group) => Number(group >= begin && range.entry[group - first] < 0));
  const groups = local.filter((_, i) => wanted[i] === 1);
  return { wanted, groups, rows: Float64Array.from(groups, (group) => range.first[group - first]) };
}

/**
 * Reads the wanted texts of a chunk as windows, bounded as those of a single machine.
 * @param options.read task of the chunk's shard
 * @param options.vectorField column of the input's own vectors, which the windows then bring
 * @throws Error where the file has not as many texts as the stage number says
 */
export async function* chunkWindows(options: {
  readonly read: FinishedTask<"read">;
  readonly chunk: Chunk;
  readonly groups: ChunkGroups;
  readonly windowChars: number;
  readonly vectorField: string | undefined;
}): AsyncGenerator<TextWindow> {
  const { read, chunk, windowChars, vectorField } = options;
  const { wanted, rows } = options.groups;
  const path = read.path(`texts/${chunk.part}.jsonl`);
  const dim = read.facts.vectorDim;
  const given = vectorField === undefined ? undefined : await readColumns(read.path(`vectors/${chunk.part}.arrow`));
  const vectors = given?.[`vector:${dim}`] as Float32Array | undefined;
  const empty = (): TextWindow =>
    vectors === undefined ? { texts: [], rows: [] } : { texts: [], rows: [], vectors: [] };
  let window = empty();
  let chars = 0;
  let at = 0;
  let taken = 0;
  for await (const line of linesOf(path)) {
    const i = at++;
    if (wanted[i] === 0) continue;
    const text = JSON.parse(line) as string;
    window.texts.push(text);
    window.rows.push(rows[taken++]);
    if (vectors !== undefined) window.vectors?.push(vectors.subarray(i * dim, (i + 1) * dim));
    chars += text.length;
    if (window.texts.length < WINDOW_TEXTS && chars < windowChars) continue;
    yield window;
    window = empty();
    chars = 0;
  }
  if (at !== wanted.length) throw new Error(`${path} has ${at} texts, expected ${wanted.length}`);
  if (window.texts.length > 0) yield window;
}

/** The lines of a file. Own code, because node:readline also breaks lines at U+2028 and U+2029, which JSON leaves as they are. */
async function* linesOf(path: string): AsyncGenerator<string> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const bytes of createReadStream(path, { highWaterMark: 1 << 18 })) {
    const text = decoder.write(bytes as Buffer);
    const end = text.lastIndexOf("\n");
    if (end < 0) rest += text;
    else {
      yield* (rest + text.slice(0, end)).split("\n");
      rest = text.slice(end + 1);
    }
  }
  if (rest !== "") yield rest;
}
