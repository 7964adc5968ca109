import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { WindowVectors } from "../embed/local/embedder.js";
import type { ExactTexts, KnownTexts } from "../exact/exact.js";
import { orderFieldOf } from "../exact/priority.js";
import type { RejectsWriter } from "../io/rejects.js";
import type { Source } from "../io/source.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { columnWorkers } from "../workers/column-workers.js";
import { openAgainst } from "./against/against.js";
import { estimateJoin } from "./check/join-estimate.js";
import { rejectsWarning } from "./check/warnings.js";
import { fingerprintOf } from "./embed/fingerprint.js";
import { findFinishedVectors } from "./embed/finished-vectors.js";
import { chooseJoinDevice } from "./embed/join-device.js";
import { prepareModel, startWindows } from "./embed/prepare-model.js";
import { noteRefused } from "./embed/refused-texts.js";
import type { WindowEmbedder } from "./embed/window-embedder.js";
import type { DedupOptions, RunContext } from "./options.js";
import { checkInputs } from "./read/check-inputs.js";
import { identifyInput, openInputs } from "./read/open-inputs.js";
import { createRowIndex, readTexts, type TextWindow } from "./read/read-texts.js";
import { VERSION } from "./work/manifest.js";
import { vectorBudget } from "./work/memory.js";
import { misfitOf } from "./write/outputs.js";

/** Result of a dry run: exact counts, estimated times and sizes. */
export interface Estimate {
  readonly command: "dry-run";
  readonly version: string;
  readonly counts: {
    readonly read: number;
    readonly rejected: number;
    readonly exact: number;
    readonly normalized: number;
    /** Rows that equal a row of a reference; absent without `--against`. Near ones are not counted. */
    readonly against?: number;
    /** Distinct texts that have to be embedded. */
    readonly distinct: number;
  };
  /** What a person should know, such as a large share of rejected records. */
  readonly warnings: readonly string[];
  readonly model: string;
  readonly dim: number;
  /** Number of vectors of a finished run in the output folder that a run would use again: all of them, or 0. */
  readonly reused: number;
  /** Estimated seconds of each stage. */
  readonly seconds: { readonly read: number; readonly embed: number; readonly join: number; readonly write: number };
  /** Estimated peak of resident memory and of space in the output folder, in bytes. */
  readonly memory: number;
  readonly disk: number;
}

/** Windows that give the rate of embedding. */
const TIMED = 3;
/** Most windows of the sample. The windows beyond the timed ones only serve the estimate of the join. */
const SAMPLES = 12;
/** Every third window joins the sample, so that the sample spreads over the beginning of the inputs. */
const SAMPLE_EVERY = 3;
/** Milliseconds after which no further window of the sample is embedded. */
const SAMPLE_MS = 1500;

/** Resident bytes of the program with a model that weighs nothing. */
const BASE_BYTES = 220 * 2 ** 20;
/** Bytes that each row takes between the passes. */
const ROW_BYTES = 24;
/** Bytes that each distinct text takes between the passes. */
const TEXT_BYTES = 120;

/**
 * Time of the second pass as a share of the first. The second pass builds and writes columns; the first infers types
 * and hashes.
 */
const WRITE_SHARE = 0.5;

/**
 * Estimates what a run would take: reads and counts all inputs, embeds a sample of windows, joins vectors like those of
 * the sample, and extrapolates. Nothing is written to the output folder; a copy of standard input goes to a temporary
 * folder.
 * @throws the same errors as `runDedup` as far as reading, the model and the device give cause
 */
export async function estimate(options: DedupOptions, context: RunContext): Promise<Estimate> {
  const { reporter, signal } = context;
  const against = await openAgainst(options, { reporter, signal });
  const folder = await mkdtemp(join(tmpdir(), "bge-dedup-"));
  try {
    const files = await openInputs(options, folder, context);
    const misfit = await misfitOf(options.formats);
    const sources = files.map(({ source }) => source);
    await checkInputs({ files, shared: options, orderField: orderFieldOf(options.keep), misfit, reporter, signal });
    const { model, provider, start, windowChars } = await prepareModel(options, reporter, signal);
    const known = await against?.readTexts(model);
    const {
      index,
      rejected,
      windows,
      seconds: read,
    } = await readAll(sources, windowChars, options, { reporter, signal, known });
    const { exact } = index;
    const { rows } = exact.counts;
    const distinct = exact.counts.groups - exact.known.groups;
    const { dim, load, rate, sample } = await embedSample(
      () => startWindows(start, options.vectorField, index),
      windows,
      reporter.note,
    );
    if (windows.length > 0) against?.requireDimension(dim);
    const references = against?.vectors?.order.length ?? 0;
    const { device } = options;
    const { provider: joining } = await chooseJoinDevice({ device, used: provider, rows: distinct });
    const join = await estimateJoin({
      sample,
      dim,
      // As many vectors as have so many pairs among them as the new ones have with each other and with the references.
      count: Math.round(Math.sqrt(distinct * (distinct + 2 * references))),
      threshold: options.threshold ?? model.threshold,
      engine: createOrtEngine({ threads: 1 }),
      wideEngine: createOrtEngine({ threads: options.threads }),
      workers: columnWorkers(options.threads, joining),
      memory: vectorBudget(options.memory),
      signal,
    });
    // Vectors of the output folder that fit are used again, as by the run itself.
    const finished = options.fresh
      ? undefined
      : await findFinishedVectors({
          out: options.out,
          fingerprint: fingerprintOf(sources, options, model, provider, against?.identity),
          inputs: await Promise.all(files.map(identifyInput)),
        });
    const vectorBytes = distinct * dim * 4;
    const cached = Math.min(vectorBytes, Math.max(options.memory - BASE_BYTES, 0));
    const bytes = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    return {
      command: "dry-run",
      version: VERSION,
      counts: { ...countTexts(exact, rejected, against !== undefined), distinct },
      warnings: [...rejectsWarning(rejected, rows), ...(against?.warnings ?? [])],
      model: model.name,
      dim,
      reused: finished?.state.stored ?? 0,
      seconds: { read, embed: finished === undefined ? load + rate * distinct : 0, join, write: WRITE_SHARE * read },
      memory: BASE_BYTES + rows * ROW_BYTES + distinct * TEXT_BYTES + cached + (against?.byteLength ?? 0),
      disk: vectorBytes + 2 * bytes,
    };
  } finally {
    await against?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The counts of the exact stage; rows whose texts the references have are no copies. */
function countTexts({ counts, known }: ExactTexts, rejected: number, hasReferences: boolean) {
  return {
    read: counts.rows,
    rejected,
    exact: counts.exactSurplus - (known.rows - known.rawTexts),
    normalized: counts.normalisedSurplus - (known.rawTexts - known.groups),
    ...(hasReferences ? { against: known.rows } : {}),
  };
}

/** Runs the whole first pass and keeps a sample of its windows. */
async function readAll(
  sources: readonly Source[],
  windowChars: number,
  { keep, textFields, vectorField }: DedupOptions,
  { reporter, signal, known }: Pick<RunContext, "reporter" | "signal"> & { readonly known?: KnownTexts },
) {
  const started = performance.now();
  const index = createRowIndex({ keep, known });
  const rejects = countingRejects();
  const stage = reporter.stage(
    "read",
    sources.reduce((sum, { byteLength }) => sum + byteLength, 0),
  );
  const settings = { sources, textFields, vectorField, index, rejects, windowChars, stage, signal };
  const windows: TextWindow[] = [];
  let seen = 0;
  for await (const window of readTexts(settings)) {
    if (seen++ % SAMPLE_EVERY === 0 && windows.length < SAMPLES) windows.push(window);
  }
  return { index, rejected: rejects.count, windows, seconds: (performance.now() - started) / 1000 };
}

/**
 * Embeds the sample, and notes the texts that a server refuses.
 * @returns `load`: seconds until the model has started; `rate`: seconds a text; `sample`: the unit vectors, row-major
 */
async function embedSample(
  start: () => Promise<WindowEmbedder>,
  windows: readonly TextWindow[],
  note: (message: string) => void,
) {
  const loading = performance.now();
  const embedder = await start();
  const { dim } = embedder;
  const load = (performance.now() - loading) / 1000;
  try {
    const timed = windows.slice(0, TIMED);
    // The first window is embedded once outside of the timing to warm the caches.
    if (timed.length > 0) await embedder.embed(timed[0]);
    const begin = performance.now();
    const embedded = await Promise.all(timed.map((window) => embedder.embed(window)));
    const texts = timed.reduce((sum, window) => sum + window.texts.length, 0);
    const rate = texts > 0 ? (performance.now() - begin) / 1000 / texts : 0;
    for (const window of windows.slice(TIMED)) {
      if (performance.now() - begin > SAMPLE_MS) break;
      embedded.push(await embedder.embed(window));
    }
    noteRefused(windows, embedded, note);
    return { dim, load, rate, sample: directedVectors(embedded, dim) };
  } finally {
    await embedder.close();
  }
}

/** Copies the vectors that have a direction into one array, row-major. */
function directedVectors(windows: readonly WindowVectors[], dim: number): Float32Array<ArrayBuffer> {
  const all = new Float32Array(windows.reduce((sum, { vectors }) => sum + vectors.length, 0));
  let count = 0;
  for (const { vectors, directed } of windows) {
    for (let i = 0; i < directed.length; i++) {
      if (directed[i] !== 0) all.set(vectors.subarray(i * dim, (i + 1) * dim), count++ * dim);
    }
  }
  return all.slice(0, count * dim);
}

/** A writer of rejects that only counts. */
function countingRejects(): RejectsWriter {
  let count = 0;
  return {
    get count() {
      return count;
    },
    async write(_, rejects) {
      count += rejects.length;
    },
    async finish() {},
  };
}
