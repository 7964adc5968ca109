import type { KeepPolicy } from "../dedup/row-order.js";
import { type Embedder, startEmbedder } from "../embed/embedder.js";
import { expandInputs, openSources, STDIN, spoolStdin } from "../io/open-sources.js";
import { createRejectsWriter } from "../io/rejects.js";
import type { Source } from "../io/source.js";
import { resolveModel } from "../model/resolve.js";
import type { ModelSpec } from "../model/spec.js";
import type { Provider } from "../onnx/ort-engine.js";
import { chooseDevice } from "./device.js";
import { type EmbeddedTexts, embedToStore, StaleWorkError } from "./embed-store.js";
import { type FileRecord, fileRecord, VERSION } from "./manifest.js";
import type { RunContext, SharedOptions } from "./options.js";
import { createRowIndex, type RowIndex, readTexts } from "./read-texts.js";
import type { Reporter } from "./reporter.js";
import type { Fingerprint, WorkArea } from "./work-area.js";

/** Name of the file of rejected records. */
export const REJECTS = "rejects.jsonl";

/** Name under which standard input is saved in the work area. */
const SPOOL = "stdin.jsonl";

/** Everything the first pass leaves in memory and in the work area. */
export interface EmbeddedInputs {
  readonly sources: readonly Source[];
  readonly index: RowIndex;
  readonly texts: EmbeddedTexts;
  readonly model: ModelSpec;
  readonly provider: Provider;
  readonly rejected: number;
  /** Vector position of each group of equal texts, -1 where its text has no direction. */
  readonly vectorOfGroup: Int32Array;
  /** Group of each vector. */
  readonly groupOfVector: Int32Array;
  readonly inputs: readonly FileRecord[];
}

/** Padded tokens of a batch where the user does not say: the builtin model's cost does not grow with tokens. */
const BATCH_TOKENS = { builtin: 65_536, cpu: 4096, gpu: 32_768 };

/** Characters of a window: of a slow model, little work is lost when a run is stopped; of the builtin, calls are large. */
const WINDOW_CHARS = { builtin: 1 << 20, model: 1 << 15 };

/** A model on a device, ready to be started. */
export interface PreparedModel {
  readonly model: ModelSpec;
  readonly provider: Provider;
  readonly start: () => Promise<Embedder>;
  readonly windowChars: number;
}

/**
 * Finds the model and the device and says which.
 * @throws UnavailableError where one of them cannot be had
 */
export async function prepareModel(shared: SharedOptions, reporter: Reporter): Promise<PreparedModel> {
  const { threads } = shared;
  const model = await resolveModel({ name: shared.model, dtype: shared.dtype, maxLength: shared.maxLength });
  const { provider, reason } = chooseDevice(shared.device);
  reporter.note(`model ${model.name} (${model.dtype}) on ${provider}: ${reason}`);
  const kind = model.folder === undefined ? "builtin" : "model";
  const usual = kind === "builtin" ? BATCH_TOKENS.builtin : BATCH_TOKENS[provider === "cpu" ? "cpu" : "gpu"];
  const batchTokens = shared.batchTokens ?? usual;
  // The builtin model's session is quick, so its texts want as many tokenizers as there are threads.
  const tokenizers = kind === "builtin" ? threads : 1;
  return {
    model,
    provider,
    start: () => startEmbedder({ model, provider, threads, tokenizers, batchTokens }),
    windowChars: WINDOW_CHARS[kind],
  };
}

/**
 * read -> exact -> tokenize -> embed -> store: the first, streaming pass, which both commands share. Afterwards the store
 * is complete in the work area and the rejects are written there.
 */
export async function embedInputs(options: {
  shared: SharedOptions;
  keep: KeepPolicy;
  /** Called with the text and number of each new group, in order; once more from the start where stale work is dropped. */
  onGroup?: (text: string, group: number) => void;
  work: WorkArea;
  context: RunContext;
}): Promise<EmbeddedInputs> {
  const { shared, keep, onGroup, work, context } = options;
  const { reporter, signal } = context;
  const { model, provider, start, windowChars } = await prepareModel(shared, reporter);
  const files = await expandInputs(shared.inputs, shared.out);
  if (files.includes(STDIN)) await spoolStdin(work.path(SPOOL), context.stdin, signal);

  const fingerprint: Fingerprint = {
    version: VERSION,
    inputs: files.join("\n"),
    "text field": shared.textFields.join("\n"),
    model: model.fingerprint,
    dtype: model.dtype,
    "max length": model.maxTokens,
    "batch tokens": shared.batchTokens ?? "default",
    device: provider,
  };
  for (let fresh = shared.fresh; ; fresh = true) {
    const sources = await openSources(files, work.path(SPOOL));
    const index = createRowIndex(keep);
    const rejects = createRejectsWriter(work.path(REJECTS));
    const bytes = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const reading = reporter.stage("read", bytes);
    const embedding = reporter.stage("embed", bytes);
    let bytesRead = 0;
    const windows = readTexts({
      sources,
      textFields: shared.textFields,
      index,
      rejects,
      maxRejects: shared.maxRejects,
      windowChars,
      onGroup,
      stage: {
        advance(done, rows) {
          bytesRead = done;
          reading.advance(done, rows);
        },
        end: () => reading.end(),
      },
      signal,
    });
    try {
      const texts = await embedToStore({
        windows,
        work,
        fingerprint,
        startEmbedder: start,
        fresh,
        // How many texts there will be is not known before the end, so the share of those found so far stands for it.
        stage: {
          advance: (done) => embedding.advance((bytesRead * done) / Math.max(index.exact.counts.groups, 1), done),
          end() {},
        },
        note: (message) => reporter.note(message),
        signal,
      });
      await rejects.finish();
      const inputs = await Promise.all(sources.map((source) => recordOf(source, work.path(SPOOL))));
      return {
        sources,
        index,
        texts,
        model,
        provider,
        rejected: rejects.count,
        ...matchVectors(index, texts.rowOfVector),
        inputs,
      };
    } catch (error) {
      await rejects.finish().catch(() => {});
      if (!(error instanceof StaleWorkError)) throw error;
      reporter.note(`starting over: ${error.message}`);
    } finally {
      embedding.end();
    }
  }
}

/** Identity of an input; JSONL is hashed while it is read. */
async function recordOf(source: Source, spool: string): Promise<FileRecord> {
  const { name, byteLength, sha256 } = source;
  if (sha256 !== undefined) return { name, bytes: byteLength, sha256 };
  return fileRecord(name === STDIN ? spool : name, name);
}

/** Vectors lie in the order of the groups, without those of no direction, and carry the row that began the group. */
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
