import { createReadStream } from "node:fs";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import { openArrowWriter } from "../../io/arrow/write.js";
import { createFile } from "../../io/table-writer.js";
import { dedupOptions } from "../../run/flags/dedup.js";
import type { DedupOptions } from "../../run/options.js";
import { fileRecord } from "../../run/work/manifest.js";
import { GUARDED } from "../../run/write/guarded.js";
import { EMBEDDINGS, REJECTS } from "../../run/write/output-names.js";
import { type OpenTable, WRITERS } from "../../run/write/outputs.js";
import { isGuarded } from "../../text/guard-choice.js";
import type { AssembleFacts } from "../facts.js";
import type { RunPlan } from "../plan.js";
import type { Stage, TaskContext } from "../stage.js";
import { assembleVectors } from "./assemble-vectors.js";
import { REFUSED } from "./write.js";

/** Puts together a file of the result under the path that its task is given. */
type Assembler = (name: string, context: TaskContext) => Promise<AssembleFacts>;

/** The files of a result, those that may be absent too, in the order of the manifest. */
export function resultFiles({ formats, guards }: DedupOptions): (readonly [name: string, assembler: Assembler])[] {
  const tables = formats.flatMap((format) =>
    ["kept", "removed"].map((table) => {
      const parts = `${table}.arrow`;
      const assembler: Assembler = (name, context) => assembleTable({ name, parts, open: WRITERS[format] }, context);
      return [`${table}.${format}`, assembler] as const;
    }),
  );
  const guarded: Assembler = (name, context) => assembleTable({ name, parts: name, open: openArrowWriter }, context);
  return [
    [EMBEDDINGS, assembleVectors],
    ...tables,
    [REJECTS, assembleRejects],
    ...(isGuarded(guards) ? [[GUARDED, guarded] as const] : []),
  ];
}

/** Assembles the files of the result, one a task, each with the bytes that one machine would have written. */
export const assemble: Stage<"assemble"> = {
  name: "assemble",
  phase: "write",
  after: ["write"],
  count: async (plan) => resultFiles(plannedOptions(plan)).length,
  async run(context) {
    const [name, assembler] = resultFiles(context.options)[context.index];
    return assembler(name, context);
  },
};

/** The options of the run as planned, with the defaults of this machine where the plan leaves them open. */
export function plannedOptions({ flags, inputs }: RunPlan): DedupOptions {
  return dedupOptions(flags, inputs);
}

/**
 * Writes a table from the parts that the shards wrote. The batches reach the writer as they would have on one machine, so
 * the same rows and dictionaries give the same bytes. Memory: one batch of the result.
 */
async function assembleTable(
  { name, parts, open }: { readonly name: string; readonly parts: string; readonly open: OpenTable },
  { plan, tasks, path, reporter, signal }: TaskContext,
): Promise<AssembleFacts> {
  const written = await tasks.all("write", plan.shards.length);
  const stage = reporter.stage(name, written.length);
  const writer = await open({ path: path(name), schema: await readSchema(written[0].path(parts)) });
  try {
    for (const [shard, part] of written.entries()) {
      for await (const batch of readTableBatches(part.path(parts))) {
        signal?.throwIfAborted();
        await writer.write(batch);
      }
      stage.advance(shard + 1);
    }
    await writer.finish();
  } catch (error) {
    await writer.abort().catch(() => {});
    throw error;
  }
  stage.end();
  return { file: await fileRecord(path(name), name) };
}

/**
 * Writes the rejects of all shards: those of the first pass, then the rows whose texts the server refused. There is no
 * file where nothing was rejected.
 */
async function assembleRejects(name: string, { plan, tasks, path }: TaskContext): Promise<AssembleFacts> {
  const read = await tasks.all("read", plan.shards.length);
  const written = await tasks.all("write", plan.shards.length);
  const parts = [
    ...read.filter(({ facts }) => facts.rejected > 0).map((task) => task.path(REJECTS)),
    ...written.filter(({ facts }) => facts.refused > 0).map((task) => task.path(REFUSED)),
  ];
  if (parts.length === 0) return {};
  const file = await createFile(path(name));
  try {
    for (const part of parts) {
      for await (const chunk of createReadStream(part)) await file.append([chunk as Buffer]);
    }
    await file.finish();
  } catch (error) {
    await file.abort().catch(() => {});
    throw error;
  }
  return { file: await fileRecord(path(name), name) };
}
