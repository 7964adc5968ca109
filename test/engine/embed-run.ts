import { readFileSync } from "node:fs";
import { join } from "node:path";
import { embed } from "../../src/engine/embed/embed.js";
import { openRunVectors } from "../../src/engine/embed/run-vectors.js";
import type { EmbedFacts } from "../../src/engine/facts.js";
import type { RunFolder } from "../../src/engine/run-folder.js";
import type { FinishedTask } from "../../src/engine/stage.js";
import { runTask } from "../../src/engine/work/task.js";
import { readColumns } from "../../src/io/arrow/number-table.js";
import { type Reporter, timedReporter } from "../../src/reporter.js";
import type { DedupOptions } from "../../src/run/options.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { silent } from "../run/folders.js";

/** Vectors with the first rows of their texts. */
export interface RowVectors {
  readonly dim: number;
  readonly rows: readonly number[];
  /** The vectors bit by bit. */
  readonly bits: Uint32Array;
}

/** Does all embed tasks of a run, the last one first. */
export async function embedAll(
  folder: RunFolder,
  options: DedupOptions,
  reporter: Reporter = silent,
): Promise<FinishedTask<"embed">[]> {
  const count = await embed.count(folder.plan, folder);
  for (let index = count - 1; index >= 0; index--) {
    await runTask(folder, embed, index, { options, reporter: timedReporter(reporter) });
  }
  return folder.all("embed", count);
}

/** All vectors of embed tasks, and the group of each. */
export async function vectorsOf(tasks: readonly FinishedTask<"embed">[]): Promise<RowVectors & { groups: number[] }> {
  const vectors = await openRunVectors(tasks);
  const all = new Float32Array(vectors.count * vectors.dim);
  await vectors.gather([...Array(vectors.count).keys()], all);
  const rows: number[] = [];
  const groups: number[] = [];
  for (const [index, task] of tasks.entries()) {
    rows.push(...(await vectors.rows(index)));
    groups.push(...(await readColumns<{ group: Uint32Array }>(task.path("groups.arrow"))).group);
  }
  await vectors.close();
  return { dim: vectors.dim, rows, bits: new Uint32Array(all.buffer), groups };
}

/** The vectors that one machine has made. */
export async function storedVectors(out: string): Promise<RowVectors> {
  const store = await openVectorStore(join(out, "embeddings.arrow"));
  const all = new Float32Array(store.count * store.dim);
  await store.gather([...Array(store.count).keys()], all);
  const rows = [...(await store.rows())];
  await store.close();
  return { dim: store.dim, rows, bits: new Uint32Array(all.buffer) };
}

/** Sums of counts over embed tasks. */
export function totals(tasks: readonly FinishedTask<"embed">[]) {
  const sum = (count: (facts: EmbedFacts) => number) => tasks.reduce((all, { facts }) => all + count(facts), 0);
  return {
    truncated: sum(({ truncated }) => truncated),
    tokens: sum(({ tokens }) => tokens),
    hits: sum(({ cache }) => cache.hits),
    misses: sum(({ cache }) => cache.misses),
  };
}

/** The parts of a manifest that say the same of one machine. */
export function manifestOf(out: string) {
  return JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as {
    readonly model: { readonly dim: number };
    readonly counts: { readonly truncated: number };
    readonly vectors: { readonly tokens: number };
  };
}
