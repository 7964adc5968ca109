import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailedRunError } from "../../errors.js";
import { createScoreProduct } from "../../join/codes/tile-product.js";
import type { ModelSpec } from "../../models/spec.js";
import { createOrtEngine } from "../../onnx/ort-engine.js";
import { seededRandom } from "../../random.js";
import { type Band, BandSample, type NearPair } from "../../report/calibrate/pair-visitors.js";
import { type PairVisitor, scanPairs } from "../../report/calibrate/scan-pairs.js";
import { openVectorStore, type VectorStore } from "../../vectors/store.js";
import type { RunContext } from "../options.js";
import { indexOf } from "../read/row-index.js";
import { isDedupFolder } from "../work/dedup-folder.js";
import type { CalibrationCounts, CalibrationInputsOptions, EmbeddedRows } from "./embedded-rows.js";
import { embedFiles } from "./files.js";
import { readFolder } from "./folder.js";
import type { CalibratedRun } from "./next-run.js";
import { drawPositions } from "./positions.js";
import type { TextEmbedder, TextVectors } from "./text-embedder.js";

/** Pairs drawn from bands of cosines. */
export interface BandPairs {
  readonly band: Band;
  /** Pairs of the band that there are among the pairs compared. */
  readonly count: number;
  /** Those of them that were drawn, in random order. */
  readonly pairs: readonly NearPair[];
}

/**
 * Most multiplications, n² / 2 · (dim + 256), for which all pairs of the input are compared: 59,000 vectors of 256
 * components, or 37,000 of 1,024. Beyond it a sample of rows meets all vectors.
 */
const MOST_WORK = 9e11;

/** Rows that meet all vectors where all pairs would be too many. */
const MOST_ROWS = 2000;

/**
 * An input whose distinct texts are embedded. `close` removes what was written. Positions are those of the distinct
 * texts that have a direction, in order of their first rows.
 */
export class CalibrationInputs {
  readonly counts: CalibrationCounts;
  readonly model: ModelSpec;
  /** Unit vectors of the distinct texts. */
  readonly vectors: VectorStore;
  /** First row of each vector's text. */
  readonly rowOfVector: Float64Array;
  readonly #rows: EmbeddedRows;
  readonly #options: CalibrationInputsOptions;
  readonly #signal: AbortSignal | undefined;
  readonly #remove: () => Promise<void>;
  #embedder: Promise<TextEmbedder> | undefined;

  /** Called by `openCalibration`. */
  constructor(options: {
    rows: EmbeddedRows;
    vectors: VectorStore;
    rowOfVector: Float64Array;
    options: CalibrationInputsOptions;
    signal?: AbortSignal;
    remove: () => Promise<void>;
  }) {
    this.counts = options.rows.counts;
    this.model = options.rows.model;
    this.vectors = options.vectors;
    this.rowOfVector = options.rowOfVector;
    this.#rows = options.rows;
    this.#options = options.options;
    this.#signal = options.signal;
    this.#remove = options.remove;
  }

  /** True where a model can embed further texts; false where the vectors came with the input. */
  get hasModel(): boolean {
    return this.#rows.startModel !== undefined;
  }

  /** The run of bge-dedup whose threshold is sought. */
  get run(): CalibratedRun {
    return { ...this.#options, ...this.#rows.recorded };
  }

  /** True where `pairsInBands` and `scan` over `allRows` compare every pair of the input. */
  get comparesAllPairs(): boolean {
    const { count, dim } = this.vectors;
    return (count * count * (dim + 256)) / 2 <= MOST_WORK;
  }

  /** Every position, ascending. */
  get allRows(): Uint32Array {
    return Uint32Array.from({ length: this.vectors.count }, (_, position) => position);
  }

  /**
   * The texts at positions; "" for one that has a vector and no text. Reads the input once more.
   * @throws FailedRunError if the input has changed meanwhile
   */
  async textsAt(positions: ArrayLike<number>): Promise<string[]> {
    const wanted = new Map<number, string>(Array.from(positions, (position) => [this.rowOfVector[position], ""]));
    let found = 0;
    for await (const batch of this.#rows.texts()) {
      this.#signal?.throwIfAborted();
      for (const { row, text } of batch) {
        if (!wanted.has(row)) continue;
        wanted.set(row, text ?? "");
        found++;
      }
    }
    if (found < wanted.size) {
      throw new FailedRunError("the inputs changed while they were calibrated; run the same command again");
    }
    return Array.from(positions, (position) => wanted.get(this.rowOfVector[position]) as string);
  }

  /** Length of each text in UTF-16 units, by position. Reads the input once more. */
  async lengths(): Promise<Uint32Array> {
    const lengths = new Uint32Array(this.vectors.count);
    for await (const batch of this.#rows.texts()) {
      this.#signal?.throwIfAborted();
      for (const { row, text } of batch) {
        const position = indexOf(this.rowOfVector, row);
        if (position >= 0) lengths[position] = text?.length ?? 0;
      }
    }
    return lengths;
  }

  /**
   * Embeds texts as those of the input were embedded: same model, length and server. Starts the model at the first call.
   * @throws Error where the vectors came with the input; UnavailableError as the model or server gives cause
   */
  async *embedTexts(texts: readonly string[]): AsyncGenerator<TextVectors> {
    const start = this.#rows.startModel;
    if (start === undefined) throw new Error("vectors that came with the input leave no model to embed texts");
    this.#embedder ??= start();
    yield* (await this.#embedder).embed(texts, this.#signal);
  }

  /** Compares `rows` (all vectors by `allRows`) with all vectors; see `scanPairs`. */
  async scan(options: {
    rows: Uint32Array;
    earlierOnly: boolean;
    visitors: readonly PairVisitor[];
    onProgress?: (pairs: number) => void;
  }): Promise<void> {
    const product = await createScoreProduct(createOrtEngine({ threads: this.#options.threads }), this.vectors.dim);
    try {
      await scanPairs({ ...options, vectors: this.vectors, product, signal: this.#signal });
    } finally {
      await product.release();
    }
  }

  /**
   * Draws up to `each` pairs of distinct texts from each band, every pair of a band with the same probability, and
   * counts the pairs of each band: among all pairs of the input if `comparesAllPairs`, else among those of 2,000 random
   * rows with all others. The cosines are those that bge-dedup measures.
   * @param options.bands ranges of cosines that do not overlap
   */
  async pairsInBands(options: {
    bands: readonly Band[];
    each: number;
    onProgress?: (pairs: number) => void;
  }): Promise<BandPairs[]> {
    const { bands, each, onProgress } = options;
    const random = seededRandom(this.#options.seed);
    const all = this.comparesAllPairs;
    const rows = all ? this.allRows : drawPositions(this.vectors.count, MOST_ROWS, random);
    const sample = new BandSample({ rows, bands, each, random });
    await this.scan({ rows, earlierOnly: all, visitors: [sample], onProgress });
    return bands.map((band, i) => ({ band, count: sample.counts[i], pairs: sample.pairs[i] }));
  }

  /** Ends the model, closes the vectors and removes what was written. */
  async close(): Promise<void> {
    await this.#embedder?.then((embedder) => embedder.close()).catch(() => {});
    await this.vectors.close();
    await this.#rows.close();
    await this.#remove();
  }
}

/**
 * Reads an input and embeds its distinct texts, or opens the vectors of a folder that bge-dedup wrote. Vectors that are
 * made lie in a temporary folder.
 * @returns the inputs, which the caller closes
 * @throws UsageError, InputError, BrakeError or UnavailableError as `embedInputs` does; UsageError also if a folder was
 * made by another model than the chosen one
 */
export async function openCalibration(
  options: CalibrationInputsOptions,
  context: RunContext,
): Promise<CalibrationInputs> {
  const temporary = isDedupFolder(options.inputs) ? undefined : await mkdtemp(join(tmpdir(), "bge-dedup-"));
  const remove = async () => {
    if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
  };
  try {
    const rows =
      temporary === undefined
        ? await readFolder(options, context)
        : await embedFiles({ ...options, out: join(temporary, "work"), fresh: false }, context);
    const vectors = await openVectorStore(rows.storePath);
    const rowOfVector = await vectors.rows();
    return new CalibrationInputs({ rows, vectors, rowOfVector, options, signal: context.signal, remove });
  } catch (error) {
    await remove();
    throw error;
  }
}
