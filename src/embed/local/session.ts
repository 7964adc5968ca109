import { FailedRunError, UnavailableError } from "../../errors.js";
import type { ModelSpec } from "../../models/spec.js";
import type { Provider } from "../../onnx/ort-engine.js";
import { POOLED } from "../../onnx/pooling.js";
import { normaliseInto } from "../normalise.js";
import { averageParts } from "./average.js";
import { type Batch, coarseLength, paddedLength } from "./batching.js";
import type { EmbeddedWindow, TokenParts } from "./embedder.js";
import { fillFeeds } from "./feeds.js";
import { type LoadedSession, loadSession, type SessionOptions } from "./load-session.js";
import { isOutOfMemory, runBatches } from "./run-batches.js";
import { TokenBudget } from "./token-budget.js";

/**
 * Padded tokens of a batch unless the user says otherwise. On a processor a run of 512 tokens fits the caches and is 10
 * % faster than a run of 4,096. The cost of the builtin model does not grow with its batches.
 */
const BATCH_TOKENS = { builtin: 16_384, cpu: 512, gpu: 32_768 };
/** Least padded tokens of a batch for each thread of a processor: more threads need more rows. */
const TOKENS_PER_THREAD = 128;

/**
 * Padded tokens that a run on a GPU costs beside its own, to start its kernels. On an H200 a run of bge-large in fp16
 * costs 4 ms, worth some 2,000 tokens; on slower cards it is worth fewer.
 */
const GPU_RUN_TOKENS = 1024;

/**
 * Longest text of the probe, in tokens. A text of 8,192 tokens, which some models take, may need gigabytes for its
 * attention, and perhaps no text of the input is so long. The table of positions tells about longer texts without
 * computing one.
 */
const LONGEST_PROBE = 1024;

/** Tokens of the text that shows whether a vector changes in company. Sums of fewer than eight tokens may hide it. */
const COMPANY_PROBE = 32;

/**
 * Longest text that may need company, in padded tokens. For a longer text, company would cost as much as the text, and
 * a run of one such text keeps the threads busy.
 */
const LONGEST_IN_COMPANY = 128;

/** Target for the longest run on a processor, in milliseconds. A run cannot be interrupted. */
const LONGEST_RUN = 800;

/**
 * Loads the model and runs it once.
 * @throws UnavailableError that names the model, what is wrong and the cure
 */
export async function createEmbeddingSession(options: SessionOptions): Promise<EmbeddingSession> {
  const { name } = options.model;
  const session = new EmbeddingSession(options, await loadSession(options));
  try {
    await session.tryOut(2, 0);
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause;
    const why = (cause as Error).message.trim();
    const cure = /f16/.test(why) ? "use --dtype fp32" : "check that its ONNX file is complete";
    throw new UnavailableError(`model ${name} does not run on ${options.provider}: ${why}; ${cure}`);
  }
  return session;
}

/**
 * A model on a device. The session blocks its thread while it computes, so it lives in a worker.
 *
 * On a processor, the vector of a text is the same to the bit whatever other texts its batch holds: products sum in one
 * order, padding adds zeros, and models that quantise activations by batch run one text at a time.
 *
 * Sums over the tokens are the exception. onnxruntime merges axes of length 1, so ReduceSum and ReduceMean take another
 * kernel for a batch of one text: it adds token after token, where the kernel of larger batches multiplies by ones. A
 * static model, or a model that pools by itself, therefore runs a short text never alone and a long text always alone.
 *
 * On a GPU the libraries choose their kernels by the size of the batch, so vectors may differ in their last bits with
 * `--batch-tokens`.
 */
export class EmbeddingSession {
  readonly #model: ModelSpec;
  readonly #provider: Provider;
  readonly #loaded: LoadedSession;
  readonly #budget: TokenBudget;
  /**
   * True if texts run one at a time. If a batch shared one scale of activations, the vector of a text would depend on
   * its neighbours and its padding.
   */
  readonly #alone: boolean;
  /** True if the vector of a text that runs alone differs in its last bits from its vector in company. */
  #wantsCompany = false;
  readonly #lengthOf: (tokens: number) => number;
  readonly #runTokens: number;
  #dim = 0;

  /** Called by `createEmbeddingSession`, which then tries the session out. */
  constructor({ model, provider, threads, batchTokens }: SessionOptions, loaded: LoadedSession) {
    this.#model = model;
    this.#provider = provider;
    this.#loaded = loaded;
    const kind = model.onnxPath === undefined ? "builtin" : provider === "cpu" ? "cpu" : "gpu";
    this.#budget = new TokenBudget({
      tokens: batchTokens ?? Math.max(BATCH_TOKENS[kind], kind === "cpu" ? TOKENS_PER_THREAD * threads : 0),
      milliseconds: kind === "cpu" && batchTokens === undefined ? LONGEST_RUN : undefined,
    });
    this.#alone = loaded.inspected.quantisesActivations;
    this.#runTokens = kind === "gpu" && !this.#alone ? GPU_RUN_TOKENS : 0;
    const pad = kind === "builtin" ? coarseLength : paddedLength;
    this.#lengthOf = this.#alone ? (tokens) => tokens : (tokens) => pad(tokens, model.maxTokens);
  }

  /** Number of components of a vector; known after the first run. */
  get dim(): number {
    return this.#dim;
  }

  /**
   * Embeds one text that repeats one id.
   * @throws whatever onnxruntime throws; UnavailableError if the vector holds NaN or infinity
   */
  async tryOut(tokens: number, id: number): Promise<void> {
    const vector = await this.#runOne(new Int32Array(tokens).fill(id), 1);
    normaliseInto(vector, 0, new Float32Array(this.#dim), 0, this.#dim, this.#model.name);
  }

  /**
   * Looks at the tables of the model and runs it at its limits (largest id, a text as long as `LONGEST_PROBE` or the
   * model allows), so that anything that does not fit shows before the work begins. Does nothing if `largestId` is
   * undefined.
   * @throws UnavailableError that says what does not fit
   */
  async probe(largestId: number | undefined): Promise<void> {
    if (largestId === undefined) return;
    const { name, maxTokens } = this.#model;
    const { vocabulary, positions } = this.#loaded.inspected;
    const wrong = (why: string) =>
      new UnavailableError(
        `model ${name}: ${why}; take tokenizer.json, config.json and the ONNX file from one repository`,
      );
    // The model itself must not find out: on some devices an id outside of the table ends the process.
    if (vocabulary !== undefined && largestId >= vocabulary) {
      throw wrong(`its tokenizer has token id ${largestId}, but its table has ${vocabulary} entries`);
    }
    if (positions !== undefined && maxTokens > positions) {
      throw wrong(`it does not take ${maxTokens} tokens: its table has ${positions} positions`);
    }
    const tokens = Math.min(maxTokens, LONGEST_PROBE);
    try {
      await this.tryOut(tokens, largestId);
    } catch (cause) {
      if (cause instanceof UnavailableError) throw cause;
      throw wrong(`it does not take ${tokens} tokens of id ${largestId}: ${(cause as Error).message}`);
    }
    if (this.#provider === "cpu" && !this.#alone) await this.#compareCompany(largestId);
  }

  /** Finds out whether texts of this model want company, by one text of ids from all over the table. */
  async #compareCompany(largestId: number): Promise<void> {
    const tokens = Math.min(this.#model.maxTokens, COMPANY_PROBE);
    const ids = Int32Array.from({ length: tokens }, (_, i) => Math.floor(((i + 1) / tokens) * largestId));
    const alone = await this.#runOne(ids, 1);
    const paired = await this.#runOne(ids, 2);
    this.#wantsCompany = alone.some((value, d) => value !== paired[d]);
  }

  /** Embeds a window of token ids. The returned arrays are the caller's. */
  async embed(window: TokenParts): Promise<EmbeddedWindow> {
    const { ids, offsets, firstPart } = window;
    const dim = this.#dim;
    const parts = offsets.length - 1;
    const notes: string[] = [];
    const vectors = new Float32Array(parts * dim);
    const directed = new Uint8Array(parts);
    const paddedTokens = await runBatches({
      offsets,
      lengthOf: this.#lengthOf,
      runTokens: this.#runTokens,
      budget: this.#budget,
      maxRows: (length) => (this.#runsAlone(length) ? 1 : Number.POSITIVE_INFINITY),
      run: (batch) => this.#run(window, this.#inCompany(batch)).catch((cause: Error) => this.#explain(cause, batch)),
      take: ({ members }, values) => {
        for (let i = 0; i < members.length; i++) {
          const part = members[i];
          if (normaliseInto(values, i * dim, vectors, part * dim, dim, this.#model.name)) directed[part] = 1;
        }
      },
      note: (message) => notes.push(message),
    }).catch((cause) => {
      throw "exitCode" in cause ? cause : this.#failed(cause);
    });
    const counts = { tokens: ids.length, paddedTokens, notes };
    if (firstPart === undefined) return { vectors, directed, ...counts };
    return { ...averageParts(vectors, dim, offsets, firstPart), ...counts };
  }

  /** Whether texts of that padded length run one at a time. */
  #runsAlone(length: number): boolean {
    return this.#alone || (this.#wantsCompany && length > LONGEST_IN_COMPANY);
  }

  /** The batch, or its only text twice if the text wants company. The caller ignores the second vector. */
  #inCompany({ members, length }: Batch): Batch {
    const twice = members.length === 1 && this.#wantsCompany && !this.#runsAlone(length);
    return { members: twice ? Int32Array.of(members[0], members[0]) : members, length };
  }

  /** Throws the error of a run; if no probe has shown that the model takes so long a text, with the cure. */
  #explain(cause: Error, { length }: Batch): never {
    if (length <= LONGEST_PROBE || isOutOfMemory(cause)) throw cause;
    throw new UnavailableError(
      `model ${this.#model.name} does not take ${length} tokens, though its files say up to ${this.#model.maxTokens}: ` +
        `${cause.message.trim()}; lower --max-length to what it takes, at least ${LONGEST_PROBE}`,
    );
  }

  /** A processor fails in the same way each time; a device may have been reset, or taken by another program. */
  #failed({ message }: Error): Error {
    const what = `model ${this.#model.name} failed on ${this.#provider}: ${message.trim()}`;
    return this.#provider === "cpu"
      ? new UnavailableError(`${what}; check that its files are complete and from one repository`)
      : new FailedRunError(`${what}; run the same command again to continue, or use --device cpu`);
  }

  /** Vectors of a batch that holds one text `rows` times. */
  #runOne(ids: Int32Array, rows: number): Promise<Float32Array> {
    const batch = { members: new Int32Array(rows), length: ids.length };
    return this.#run({ ids, offsets: Int32Array.of(0, ids.length) }, batch);
  }

  async #run(window: TokenParts, batch: Batch): Promise<Float32Array> {
    const { session, inputTypes } = this.#loaded;
    const { [POOLED]: pooled } = await session.run(fillFeeds(window, batch, inputTypes), [POOLED]);
    this.#dim = pooled.dims[1];
    return pooled.data as Float32Array;
  }
}
