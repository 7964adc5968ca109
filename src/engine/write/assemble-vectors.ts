import { createHash } from "node:crypto";
import { hashTexts } from "../../run/embed/checkpointed-store.js";
import { type FileDigest, openVectorStoreWriter } from "../../vectors/store-writer.js";
import { chunkGroups, chunkWindows } from "../embed/chunk-texts.js";
import { openRunVectors } from "../embed/run-vectors.js";
import type { AssembleFacts } from "../facts.js";
import type { FinishedTask, TaskContext } from "../stage.js";
import { embedTasks } from "./refused-groups.js";

/** Bytes of vectors that are read at once. */
const TILE_BYTES = 16 << 20;
/** UTF-16 units of texts that are hashed together. */
const WINDOW_CHARS = 1 << 20;

/**
 * Writes embeddings.arrow from the vectors of all chunks, and finds what the state of a store says of the texts, so that a
 * later run recognises the vectors as those that it would make.
 */
export async function assembleVectors(name: string, context: TaskContext): Promise<AssembleFacts> {
  const order = await context.tasks.get("order", 0);
  const file = { name, ...(await copyVectors(context.path(name), order, context)) };
  return { file, texts: await digestTexts(context) };
}

/** Appends the vectors of all tasks to a new store. */
async function copyVectors(
  path: string,
  order: FinishedTask<"order">,
  { tasks, reporter, signal }: TaskContext,
): Promise<FileDigest> {
  const embedded = await embedTasks(tasks, order);
  const { vectors: count, dim } = order.facts;
  const stage = reporter.stage("embeddings", count);
  const vectors = await openRunVectors(embedded);
  const writer = await openVectorStoreWriter({ path, dim });
  try {
    const most = Math.max(1, Math.floor(TILE_BYTES / (4 * dim)));
    for (let task = 0; task < embedded.length; task++) {
      const rows = await vectors.rows(task);
      for (let start = 0; start < rows.length; start += most) {
        signal?.throwIfAborted();
        const tile = rows.subarray(start, start + most);
        const first = vectors.starts[task] + start;
        const values = new Float32Array(tile.length * dim);
        await vectors.gather(
          Float64Array.from(tile, (_, i) => first + i),
          values,
        );
        await writer.append(tile, values);
        stage.advance(first + tile.length);
      }
    }
    const digest = await writer.complete();
    stage.end();
    return digest as FileDigest;
  } finally {
    await writer.close();
    await vectors.close();
  }
}

/** What the state of a store says of the texts that were embedded, in the order of their groups. */
async function digestTexts({ plan, options, tasks }: TaskContext): Promise<AssembleFacts["texts"]> {
  const { vectorField } = options;
  const number = await tasks.get("number", 0);
  const digest = createHash("sha256");
  let through = -1;
  for (const [shard, chunks] of number.facts.chunks.entries()) {
    const read = await tasks.get("read", shard);
    for (let part = 0; part < chunks; part++) {
      const groups = await chunkGroups({ shard, part }, plan.chunkTexts, number);
      const chunk = { read, chunk: { shard, part }, groups, windowChars: WINDOW_CHARS, vectorField };
      for await (const window of chunkWindows(chunk)) hashTexts(digest, window);
      through = groups.rows.at(-1) ?? through;
    }
  }
  return { through, digest: digest.digest("hex") };
}
