import type { CacheCounts } from "../../cache/settings.js";
import type { KnownTexts } from "../../exact/exact.js";
import { type KeepPolicy, orderFieldOf } from "../../exact/priority.js";
import type { InputFile } from "../../io/open-sources.js";
import { createRejectsWriter, type RejectsWriter } from "../../io/rejects.js";
import type { Source } from "../../io/source.js";
import type { ModelSpec } from "../../models/spec.js";
import type { RunContext, SharedOptions } from "../options.js";
import { checkInputs, type FindMisfit } from "../read/check-inputs.js";
import { type InputRecord, identifyInput, openInputs } from "../read/open-inputs.js";
import { createRowIndex, type RowIndex } from "../read/read-texts.js";
import { RememberedScans } from "../read/remembered-scans.js";
import type { FileRecord } from "../work/manifest.js";
import { COPIES, type WorkArea } from "../work/work-area.js";
import { REJECTS } from "../write/output-names.js";
import type { DeviceName } from "./device.js";
import { StaleWorkError } from "./earlier-work.js";
import { type EmbeddedTexts, embedToStore } from "./embed-store.js";
import { fingerprintOf } from "./fingerprint.js";
import { startEarly } from "./local-model.js";
import { cacheCounts, openCache } from "./open-cache.js";
import { prepareModel, startWindows } from "./prepare-model.js";
import type { PreparedModel } from "./prepared-model.js";
import { readWindows } from "./read-windows.js";
import { rejectRefused, requireAccepted } from "./refused-rows.js";

/** What the first pass leaves in memory and in the work area. */
export interface EmbeddedInputs {
  readonly sources: readonly Source[];
  readonly index: RowIndex;
  readonly texts: EmbeddedTexts;
  readonly model: ModelSpec;
  readonly provider: DeviceName;
  /** Number of rejected records. */
  readonly rejected: number;
  /** What the cache of vectors had. */
  readonly cache: CacheCounts;
  /** Vector position of each group, -1 if the group's text has no direction. */
  readonly vectorOfGroup: Int32Array;
  /** Group of each vector: the inverse of `vectorOfGroup`. */
  readonly groupOfVector: Int32Array;
  /** Each input for the manifest. */
  readonly inputs: readonly InputRecord[];
}

/** The references of a run, as far as they spare it embedding. */
export interface KnownReferences {
  /** Identity of all references: other ones leave other texts to embed. */
  readonly identity: string;
  /**
   * Called once the inputs are checked and the model is known, before anything is embedded.
   * @throws UsageError where the vectors of a reference cannot be compared with those of the model
   */
  readTexts(model: ModelSpec): Promise<KnownTexts>;
  /** Called with the components of the run's vectors as soon as they are known. @throws UsageError as `readTexts` */
  requireDimension(dim: number): void;
}

/** Options of `embedInputs`. */
export interface EmbedInputsOptions {
  readonly shared: SharedOptions;
  readonly keep: KeepPolicy;
  /** Finds a value of the inputs that the outputs cannot hold, before anything is embedded. */
  readonly misfit?: FindMisfit;
  /**
   * Called with the text and the number of each new group, in order of the numbers. If stale work is dropped, the calls
   * begin again at group 0.
   */
  readonly onGroup?: (text: string, group: number) => void;
  /** Throws for a model whose vectors the caller cannot use, before anything is embedded. */
  readonly accepts?: (model: ModelSpec) => void;
  /** Texts equal to those of references are not embedded. */
  readonly references?: KnownReferences;
  readonly work: WorkArea;
  readonly context: RunContext;
}

/**
 * The first, streaming pass, which both commands share: read -> exact -> tokenize -> embed -> store. Afterwards the
 * work area holds the complete store and the rejects. If an interrupted run turns out to be unfit, the pass starts over
 * without it.
 * @throws UsageError, InputError, BrakeError or UnavailableError as the inputs, the limits and the model give cause
 */
export async function embedInputs(options: EmbedInputsOptions): Promise<EmbeddedInputs> {
  const { shared, keep, misfit, work, context } = options;
  const { reporter, signal } = context;
  const files = await openInputs(shared, work.path(COPIES), context);
  const remembered = new RememberedScans(shared.memory);
  const early = await startEarly(shared, files, signal);
  try {
    // The inputs are checked to their end before a model is downloaded or a server is asked.
    await checkInputs({ files, shared, orderField: orderFieldOf(keep), misfit, remembered, reporter, signal });
    const identified = await Promise.all(files.map(identifyInput));
    const prepared = early?.prepared ?? (await prepareModel(shared, reporter, signal));
    early?.notes.forEach(reporter.note);
    options.accepts?.(prepared.model);
    const known = await options.references?.readTexts(prepared.model);
    context.gpus?.watch(prepared.provider);
    for (let fresh = shared.fresh; ; fresh = true) {
      const rejects = createRejectsWriter(work.path(REJECTS));
      try {
        const opened = { files, identified, prepared, known, remembered, rejects };
        return await embedSources(opened, { ...options, shared: { ...shared, fresh } });
      } catch (error) {
        await rejects.finish().catch(() => {});
        if (!(error instanceof StaleWorkError)) throw error;
        reporter.note(`starting over: ${error.message}`);
      }
    }
  } finally {
    await early?.close();
  }
}

/** The inputs, opened and checked, and what reads and embeds them. */
interface OpenedInputs {
  readonly files: readonly InputFile[];
  /** Identity of each file. */
  readonly identified: readonly FileRecord[];
  readonly prepared: PreparedModel;
  readonly known?: KnownTexts;
  readonly remembered: RememberedScans;
  readonly rejects: RejectsWriter;
}

/**
 * Reads and embeds the sources once.
 * @throws StaleWorkError as `embedToStore` does
 */
async function embedSources(
  { files, identified, prepared, known, remembered, rejects }: OpenedInputs,
  { shared, keep, onGroup, references, work, context }: EmbedInputsOptions,
): Promise<EmbeddedInputs> {
  const { model, provider, start, windowChars } = prepared;
  const { reporter, signal } = context;
  const sources = files.map(({ source }) => source);
  const index = createRowIndex({ keep, known });
  const reading = { sources, index, remembered, rejects, shared, windowChars, onGroup, context };
  const { windows, bytes, bytesRead } = readWindows(reading);
  const embedding = reporter.stage("embed", bytes);
  const cache = openCache(shared, prepared, reporter.note);
  const texts = await embedToStore({
    cache,
    windowChars,
    memory: shared.memory,
    windows,
    work,
    fingerprint: fingerprintOf(sources, shared, model, provider, references?.identity),
    inputs: identified,
    startEmbedder: async () => {
      const embedder = await startWindows(start, shared.vectorField, index);
      // Vectors of the inputs themselves have a dimension once the first of them is read.
      if (shared.vectorField === undefined) references?.requireDimension(embedder.dim);
      return embedder;
    },
    fresh: shared.fresh,
    // The number of texts is unknown before the end of reading. The share of the texts found so far that is embedded
    // stands for it.
    stage: {
      ...embedding,
      advance: (done) => embedding.advance((bytesRead() * done) / Math.max(toEmbed(index), 1), done),
    },
    note: (message) => reporter.note(message),
    signal,
  }).finally(() => cache?.close());
  embedding.end();
  index.exact.close();
  if (texts.rowOfVector.length > 0) references?.requireDimension(texts.dim);
  await rejectRefused({
    refused: texts.refused,
    sources,
    index,
    rejects,
    maxRejects: shared.maxRejects,
    note: reporter.note,
  });
  await rejects.finish();
  requireAccepted(rejects.count, index.exact.counts.rows);
  return {
    sources,
    index,
    texts,
    model,
    provider,
    rejected: rejects.count,
    cache: cacheCounts(shared, cache),
    ...matchVectors(index, texts.rowOfVector),
    inputs: files.map(({ format }, at) => {
      const [first, end] = index.firstRows.slice(at, at + 2);
      return { ...identified[at], format, rows: end - first, first_row: first };
    }),
  };
}

/** Distinct texts so far that have to be embedded. */
function toEmbed({ exact }: RowIndex): number {
  return exact.counts.groups - exact.known.groups;
}

/**
 * Matches groups with vectors. The store holds vectors in the order of the groups, without the groups that have no
 * direction, and stores for each vector the row that began its group. One walk over both lists therefore matches them.
 * @param rowOfVector first row of each vector's text, by position in the store
 * @throws Error if a vector belongs to no group, which would be a defect of this program
 */
function matchVectors({ exact }: RowIndex, rowOfVector: Float64Array) {
  const { groups } = exact.counts;
  const vectorOfGroup = new Int32Array(groups).fill(-1);
  const groupOfVector = new Int32Array(rowOfVector.length);
  let vector = 0;
  for (let group = 0; group < groups; group++) {
    if (exact.firstRow(group) !== rowOfVector[vector]) continue;
    vectorOfGroup[group] = vector;
    groupOfVector[vector++] = group;
  }
  if (vector !== rowOfVector.length)
    throw new Error(`${rowOfVector.length} vectors are stored but only ${vector} belong to texts`);
  return { vectorOfGroup, groupOfVector };
}
