import { writeColumns } from "../../io/arrow/number-table.js";
import { embedInOrder, withResume } from "../../run/embed/embed-windows.js";
import { cacheCounts } from "../../run/embed/open-cache.js";
import { startWindows } from "../../run/embed/prepare-model.js";
import type { EmbedFacts } from "../facts.js";
import type { Stage, TaskContext } from "../stage.js";
import { FILES } from "../task-files.js";
import { chunkGroups, chunkOf, chunkWindows } from "./chunk-texts.js";
import { closeModel, type HeldModel, holdModel } from "./held-model.js";
import { kindHere, kindsOf } from "./kinds.js";
import { requireOneModel } from "./one-model.js";
import { TaskStore } from "./task-store.js";

/**
 * Embeds chunks of texts: the texts of groups that begin in the chunk's shard and that no reference knows. It writes
 *
 *     vectors.arrow   the vectors in the format of embeddings.arrow, `_row` the first row over all; absent if there is none
 *     groups.arrow    group Uint32 of each vector
 *
 * On a processor the vectors are those of a single machine to the bit, since there no vector depends on its batch. The
 * model stays loaded for the next task of the process. Memory: that of the model, a few windows of texts and their
 * vectors, and 4 bytes a group of the shard.
 */
export const embed: Stage<"embed"> = {
  name: "embed",
  phase: "embed",
  after: ["number"],
  async count(_plan, tasks) {
    const { facts } = await tasks.get("number", 0);
    return facts.chunks.reduce((sum, chunks) => sum + chunks, 0);
  },
  run: embedChunk,
  release: closeModel,
};

async function embedChunk(context: TaskContext): Promise<EmbedFacts> {
  const { options, tasks, index, reporter, signal } = context;
  const end = () => void closeModel();
  signal?.addEventListener("abort", end, { once: true });
  try {
    const model = await holdModel(options, reporter, signal);
    const { provider: device, model: spec } = model.prepared;
    const first = index === 0 ? undefined : await tasks.find("embed", 0);
    if (first !== undefined) requireOneModel([first.facts, { model: spec, kind: { device } }]);
    const embedded = await embedTexts(context, model);
    const kind = kindHere({ device, probe: await model.probe(), given: options.vectorField !== undefined });
    const facts = { ...embedded, model: spec, kind };
    if (first !== undefined) {
      const { warnings } = kindsOf([[0, first] as const, [index, { facts }] as const]);
      for (const warning of warnings) reporter.note(warning);
    }
    return facts;
  } catch (error) {
    // Whatever has failed may have ended a worker thread or the connections to a server.
    await closeModel();
    signal?.throwIfAborted();
    throw withResume(error);
  } finally {
    signal?.removeEventListener("abort", end);
  }
}

/** Embeds the texts of a chunk and writes the files of the task. */
async function embedTexts(context: TaskContext, model: HeldModel): Promise<Omit<EmbedFacts, "model" | "kind">> {
  const { plan, options, tasks, index, path, reporter, signal } = context;
  const { vectorField, memory } = options;
  const number = await tasks.get("number", 0);
  const chunk = chunkOf(index, number.facts.chunks);
  const groups = await chunkGroups(chunk, plan.chunkTexts, number);
  const { cache, prepared } = model;
  const { windowChars } = prepared;
  const start = async () => {
    const embedder = await startWindows(model.start, vectorField, number.facts);
    if (vectorField === undefined) model.requireDimension(embedder.dim);
    return embedder;
  };
  const windows = chunkWindows({ read: await tasks.get("read", chunk.shard), chunk, groups, windowChars, vectorField });
  const before = cacheCounts(options, cache);
  const stage = reporter.stage("embed", groups.groups.length);
  const store = new TaskStore(path(FILES.embed.vectors), groups);
  try {
    let done = 0;
    for await (const { window, embedded } of embedInOrder({ windows, start, cache, windowChars, memory })) {
      if (embedded !== undefined) await store.append(window, embedded.vectors, embedded.dim);
      done += window.texts.length;
      stage.advance(done);
      signal?.throwIfAborted();
    }
    await store.finish();
  } finally {
    await store.close();
  }
  if (store.counts.vectors > 0) model.requireDimension(store.dim);
  await writeColumns(path(FILES.embed.groups), { group: store.groups });
  stage.end();
  const { kind, hits, misses } = cacheCounts(options, cache);
  return {
    ...store.counts,
    dim: store.dim === 0 && index === 0 ? (await start()).dim : store.dim,
    cache: { kind, hits: hits - before.hits, misses: misses - before.misses },
  };
}
