import { createHash } from "node:crypto";
import type { Embedder } from "../../embed/local/embedder.js";
import type { Reporter } from "../../reporter.js";
import { requireDimensionOf, requireOneDimension, requireSameModel } from "../../run/against/comparable.js";
import { findReferences } from "../../run/against/find-references.js";
import { hasVectors } from "../../run/against/read-references.js";
import type { Reference } from "../../run/against/reference.js";
import { openCache } from "../../run/embed/open-cache.js";
import { prepareModel } from "../../run/embed/prepare-model.js";
import type { PreparedModel } from "../../run/embed/prepared-model.js";
import type { DedupOptions } from "../../run/options.js";
import type { VectorCache } from "../../workers/vector-cache.js";
import { unpinned } from "./kinds.js";

/** What the embed tasks of a process share: the model, loaded once, and the cache of vectors. */
export interface HeldModel {
  readonly prepared: PreparedModel;
  readonly cache: VectorCache | undefined;
  /** The embedder, which the first call starts. */
  start(): Promise<Embedder>;
  /**
   * SHA-256 of the vectors of a few fixed texts, made once; empty where the model has not been started, or runs on a
   * server.
   */
  probe(): Promise<string>;
  /** @throws UsageError where vectors of references have another dimension than those of the run */
  requireDimension(dim: number): void;
}

/** Texts of the probe: both languages, short and long, so that batches of more than one shape are computed. */
const PROBE = [
  "probe",
  "What does the warranty of the second machine cover?",
  "第二台机器的保修范围是什么？",
  Array.from({ length: 40 }, (_, i) => `${i} near-duplicates of a text, 相似的文本`).join("; "),
];

/** The model of this process, and what it was made from. */
let held: { readonly key: string; readonly model: Promise<HeldModel>; close(): Promise<void> } | undefined;

/** Who is told of the model now: the reporter of the task that runs. */
let listener: Pick<Reporter, "note" | "stage">;

/**
 * Gives the model of a task: the one that an earlier task of this process has left, if it is of the same kind, else a new
 * one. It stays until `closeModel`. A process does one embed task at a time.
 * @throws as `prepareModel`; UsageError where the references of the run are of another model
 */
export async function holdModel(options: DedupOptions, reporter: Reporter, signal?: AbortSignal): Promise<HeldModel> {
  listener = reporter;
  const key = keyOf(options);
  if (held?.key !== key) {
    await closeModel();
    const opened: { close?(): Promise<void> }[] = [];
    held = {
      key,
      model: openModel(options, opened, signal),
      async close() {
        await Promise.all(opened.map((each) => each.close?.().catch(() => {})));
      },
    };
  }
  try {
    return await held.model;
  } catch (error) {
    held = undefined;
    throw error;
  }
}

/** Ends what `holdModel` has started in this process, if anything; calls in flight reject. */
export async function closeModel(): Promise<void> {
  const last = held;
  held = undefined;
  await last?.model.catch(() => {});
  await last?.close();
}

/** What a held model depends on. JSON leaves out the functions that give secrets; they belong to addresses that stay. */
function keyOf(options: DedupOptions): string {
  const { model, endpoint, vectorField, device, dtype, maxLength, long, batchTokens, threads, memory, cache } = options;
  const shared = { model, endpoint, vectorField, device, dtype, maxLength, long, batchTokens, threads, memory, cache };
  const references = options.against === undefined ? {} : { against: options.against, out: options.out };
  return JSON.stringify({ ...shared, ...references });
}

/** @param opened takes what has to be closed */
async function openModel(
  options: DedupOptions,
  opened: { close?(): Promise<void> }[],
  signal?: AbortSignal,
): Promise<HeldModel> {
  const note = (message: string) => listener.note(message);
  const prepared = await prepareModel(options, { note, stage: (...stage) => listener.stage(...stage) }, signal);
  const references = await comparableReferences(options, prepared);
  const loose = options.vectorField === undefined ? unpinned(prepared.provider) : undefined;
  if (loose !== undefined) note(loose);
  const cache = openCache(options, prepared, note);
  if (cache !== undefined) opened.push(cache);
  let starting: Promise<Embedder> | undefined;
  const start = () => {
    if (starting === undefined) {
      starting = prepared.start();
      opened.push({ close: async () => starting?.then(({ close }) => close()) });
    }
    return starting;
  };
  let probing: Promise<string> | undefined;
  return {
    prepared,
    cache,
    start,
    probe() {
      if (prepared.provider !== "endpoint") probing ??= starting?.then(probeOf);
      return probing ?? Promise.resolve("");
    },
    requireDimension(dim) {
      for (const { path, manifest } of references) requireDimensionOf(path, manifest.model.dim, dim);
    },
  };
}

/**
 * The references of a run that have vectors. The plan has told what is to be told of them.
 * @throws as `findReferences`; UsageError where their vectors cannot be compared with those of the model
 */
async function comparableReferences(
  { against, out }: DedupOptions,
  { model }: PreparedModel,
): Promise<readonly Reference[]> {
  if (against === undefined) return [];
  const references = await findReferences({ against, out, note: () => {} });
  for (const reference of references) requireSameModel(reference, model);
  const filled = references.filter(hasVectors);
  requireOneDimension(filled);
  return filled;
}

async function probeOf(embedder: Embedder): Promise<string> {
  const { vectors } = await embedder.embed(PROBE);
  const bytes = new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength);
  return createHash("sha256").update(bytes).digest("hex");
}
