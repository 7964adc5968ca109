import type { Embedder } from "../../embed/local/embedder.js";
import { sessionCount } from "../../embed/local/session-count.js";
import { windowChars } from "../../embed/local/window-size.js";
import { UnavailableError } from "../../errors.js";
import type { InputFile } from "../../io/open-sources.js";
import { resolveModel } from "../../models/resolve.js";
import type { ModelSpec } from "../../models/spec.js";
import type { Reporter } from "../../reporter.js";
import { startBuiltinEmbedder } from "../../workers/builtin-embedder.js";
import { startEmbedder } from "../../workers/embedders.js";
import type { SharedOptions } from "../options.js";
import { chooseDevice } from "./device.js";
import type { PreparedModel } from "./prepared-model.js";

/** Number of tokenizing workers that keep a device busy; each worker tokenizes 0.7 M tokens/s. */
const TOKENIZERS = { cpu: 1, gpu: 4 };

/**
 * Number of builtin workers that keep up with reading, which has a thread of its own; each worker embeds 250,000 short
 * texts/s.
 */
const BUILTIN_WORKERS = 2;

/** Bytes of inputs below which the builtin model embeds on the caller's thread: a worker would start when that is done. */
const FEW_BYTES = 256 * 1024;

/** Options that `prepareLocalModel` reads. */
export type LocalModelOptions = Pick<
  SharedOptions,
  "model" | "device" | "dtype" | "maxLength" | "long" | "batchTokens" | "threads" | "memory"
>;

/**
 * Chooses the device and finds the model in the element type that suits the device, and notes both. The model is not
 * loaded before `start` is called.
 * @param options.bytes of all inputs, as far as they are known
 * @throws UnavailableError if the device or the model cannot be had
 */
export async function prepareLocalModel(
  options: LocalModelOptions & { readonly bytes?: number },
  reporter: Pick<Reporter, "note" | "stage">,
  signal?: AbortSignal,
): Promise<PreparedModel> {
  const { threads, batchTokens, long, memory, bytes = Number.POSITIVE_INFINITY } = options;
  const builtin = options.model === "builtin";
  const { provider, reason, half } = await chooseDevice({ device: options.device, builtin });
  const model = await resolveForDevice(options, half && !builtin, reporter, signal);
  const note = (message: string) => reporter.note(message);
  note(`model ${model.name} (${model.dtype}) on ${provider}: ${reason}`);
  if (builtin && long === "mean") {
    note("--long mean has no effect on the builtin model, whose n-grams are a set; longer texts are cut and counted");
  }
  const tokenizers = Math.min(TOKENIZERS[provider === "cpu" ? "cpu" : "gpu"], threads);
  const sessions = sessionCount({ model, provider, threads, memory });
  return {
    model,
    provider,
    start: async () =>
      builtin && provider === "cpu"
        ? startBuiltinEmbedder({
            maxTokens: model.maxTokens,
            workers: bytes < FEW_BYTES ? 0 : Math.max(1, Math.min(BUILTIN_WORKERS, threads - 1)),
          })
        : startEmbedder({ model, provider, threads, sessions, tokenizers, batchTokens, long, note }),
    windowChars: windowChars(model, provider),
  };
}

/**
 * Finds the model. If the user leaves the element type open and the device prefers fp16, the fp16 file is tried first.
 * @param half true if the device computes fp16 faster than fp32
 */
async function resolveForDevice(
  { model: name, dtype, maxLength }: LocalModelOptions,
  half: boolean,
  reporter: Pick<Reporter, "note" | "stage">,
  signal?: AbortSignal,
): Promise<ModelSpec> {
  if (half && dtype === "auto") {
    try {
      return await resolveModel({ name, dtype: "fp16", maxLength, reporter, signal });
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      reporter.note(`no fp16 file of model ${name}, which a GPU prefers; taking what there is`);
    }
  }
  return resolveModel({ name, dtype, maxLength, reporter, signal });
}

/** A model that starts while the inputs are checked. */
export interface EarlyModel {
  /** The first call of `start` takes the embedder that has been started. */
  readonly prepared: PreparedModel;
  /** Messages for the user, due once the inputs are checked. */
  readonly notes: readonly string[];
  /** Ends the embedder if nobody has taken it. */
  close(): Promise<void>;
}

/**
 * Starts the builtin model on the processor, whose threads take 0.15 s until they serve. Every other model waits for the
 * check, because it may have to be downloaded.
 * @returns undefined where the run embeds by another model, or not at all
 */
export async function startEarly(
  shared: SharedOptions,
  files: readonly InputFile[],
  signal?: AbortSignal,
): Promise<EarlyModel | undefined> {
  const { model, device, vectorField, endpoint } = shared;
  const here = model === "builtin" && (device === "auto" || device === "cpu");
  if (!here || vectorField !== undefined || endpoint !== undefined) return undefined;
  const notes: string[] = [];
  const bytes = files.reduce((sum, { source }) => sum + source.byteLength, 0);
  const reporter = {
    note: (message: string) => notes.push(message),
    stage: () => ({ advance: () => {}, end: () => {} }),
  };
  const prepared = await prepareLocalModel({ ...shared, bytes }, reporter, signal);
  let started: Promise<Embedder> | undefined = prepared.start();
  // Whoever takes the embedder learns of the failure; until then Node must not count it as unhandled.
  started.catch(() => {});
  const take = () => {
    const taken = started;
    started = undefined;
    return taken;
  };
  return {
    prepared: { ...prepared, start: () => take() ?? prepared.start() },
    notes,
    close: async () => (await take()?.catch(() => undefined))?.close(),
  };
}
