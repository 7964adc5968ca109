import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTileProduct } from "../dedup/tile-product.js";
import { expandInputs, openSources, STDIN, spoolStdin } from "../io/open-sources.js";
import type { RejectsWriter } from "../io/rejects.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { prepareModel, startWindows } from "./embed-inputs.js";
import { VERSION } from "./manifest.js";
import type { DedupOptions, RunContext } from "./options.js";
import { createRowIndex, readTexts, type TextWindow } from "./read-texts.js";

/** What a dry run tells. */
export interface Estimate {
  readonly command: "dry-run";
  readonly version: string;
  readonly counts: {
    readonly read: number;
    readonly rejected: number;
    readonly exact: number;
    readonly normalized: number;
    readonly distinct: number;
  };
  readonly model: string;
  readonly dim: number;
  /** Estimated seconds of each stage. */
  readonly seconds: { readonly read: number; readonly embed: number; readonly join: number; readonly write: number };
  /** Estimated peak of resident memory and of space in the output folder, in bytes. */
  readonly memory: number;
  readonly disk: number;
}

/** Windows that are embedded to measure the rate, spread over the first of them. */
const SAMPLES = 3;
const SAMPLE_EVERY = 8;

/** Resident memory of the program with a model that weighs nothing, and of what each row and distinct text takes. */
const BASE_BYTES = 300 * 2 ** 20;
const ROW_BYTES = 24;
const TEXT_BYTES = 120;

/** Side of the tile whose product is timed. */
const TILE = { rows: 1024, columns: 4096 };

/**
 * Reads and counts everything, embeds a sample, times one tile of the join and estimates the rest. Nothing is written to
 * the output folder.
 */
export async function estimate(options: DedupOptions, { reporter, stdin, signal }: RunContext): Promise<Estimate> {
  const { model, start, windowChars } = await prepareModel(options, reporter, signal);
  const files = await expandInputs(options.inputs, options.out);
  const folder = await mkdtemp(join(tmpdir(), "bge-dedup-"));
  const spool = join(folder, "stdin.jsonl");
  try {
    if (files.includes(STDIN)) await spoolStdin(spool, stdin, signal);
    const sources = await openSources(files, spool);
    const bytes = sources.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const index = createRowIndex(options.keep);
    const rejects = countingRejects();
    const samples: TextWindow[] = [];
    let windows = 0;
    const started = performance.now();
    const stage = reporter.stage("read", bytes);
    const { textFields, vectorField, maxRejects } = options;
    for await (const window of readTexts({
      sources,
      textFields,
      vectorField,
      index,
      rejects,
      maxRejects,
      windowChars,
      stage,
      signal,
    })) {
      if (windows++ % SAMPLE_EVERY === 0 && samples.length < SAMPLES) samples.push(window);
    }
    const read = (performance.now() - started) / 1000;
    const { rows, groups, exactSurplus, normalisedSurplus } = index.exact.counts;

    const embedder = await startWindows(start, vectorField, index);
    const { dim } = embedder;
    let embed = 0;
    try {
      const sampled = samples.reduce((sum, { texts }) => sum + texts.length, 0);
      // The first window also warms the caches; where there are others it is not counted.
      if (samples.length > 0) await embedder.embed(samples[0]);
      const begin = performance.now();
      await Promise.all(samples.map((window) => embedder.embed(window)));
      if (sampled > 0) embed = ((performance.now() - begin) / 1000 / sampled) * groups;
    } finally {
      await embedder.close();
    }
    const tile = await timeTile(dim, options.threads);
    const vectorBytes = groups * dim * 4;
    return {
      command: "dry-run",
      version: VERSION,
      counts: {
        read: rows,
        rejected: rejects.count,
        exact: exactSurplus,
        normalized: normalisedSurplus,
        distinct: groups,
      },
      model: model.name,
      dim,
      seconds: { read, embed, join: ((groups * groups) / 2 / (TILE.rows * TILE.columns)) * tile, write: read },
      memory: BASE_BYTES + rows * ROW_BYTES + groups * TEXT_BYTES + Math.min(vectorBytes, options.memory / 2),
      disk: vectorBytes + 2 * bytes,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seconds of one tile product, the second of two. */
async function timeTile(dim: number, threads: number): Promise<number> {
  const product = await createTileProduct(createOrtEngine({ threads }), dim);
  const rows = new Float32Array(TILE.rows * dim).fill(0.01);
  const columns = new Float32Array(TILE.columns * dim).fill(0.01);
  await product.blockMaxima(rows, columns);
  const started = performance.now();
  await product.blockMaxima(rows, columns);
  const seconds = (performance.now() - started) / 1000;
  await product.release();
  return seconds;
}

/** Counts rejects and writes nothing. */
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
