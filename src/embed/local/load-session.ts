import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { InferenceSession } from "onnxruntime-node";
import { UnavailableError } from "../../errors.js";
import { builtin } from "../../models/builtin.js";
import type { ModelSpec } from "../../models/spec.js";
import { cutAttention, WHOLE_TOKENS } from "../../onnx/attention-blocks.js";
import { inspectModel, type ModelInterface } from "../../onnx/inspect.js";
import { type Provider, sessionOptions } from "../../onnx/ort-engine.js";
import { appendPooling } from "../../onnx/pooling.js";
import { cudaProvider, cudaProviderFailure, multiplyFloat32InFull } from "./cuda-provider.js";
import { deviceCure, deviceReason } from "./device-cure.js";
import type { IdType } from "./feeds.js";

/** The model of a session, its device and its limits. */
export interface SessionOptions {
  readonly model: ModelSpec;
  readonly provider: Provider;
  /** Number of threads inside an operator. */
  readonly threads: number;
  /** Padded tokens of a batch; if absent, as many as suit the device. */
  readonly batchTokens?: number;
}

/** A session and what its caller needs to know to feed it. */
export interface LoadedSession {
  readonly session: InferenceSession;
  readonly inspected: ModelInterface;
  /** Element type of each input, by name. */
  readonly inputTypes: ReadonlyMap<string, IdType>;
}

/**
 * A processor without VNNI adds pairs of unsigned-by-signed byte products in 16 bits, which saturate. An int8 model
 * then gives wrong vectors, with cosine 0.95 to the reference instead of 0.99. With this option onnxruntime makes the
 * weights unsigned on such processors and adds their products in 32 bits. On other processors the option changes
 * nothing.
 */
export const EXACT_BYTE_PRODUCTS = { x64quantprecision: "1" };

/**
 * Loads a model and appends pooling to its graph. On a processor, the attention of a model for long texts is cut into
 * blocks. onnxruntime finds weights that lie in files beside the model.
 * @throws UnavailableError that names the file or the device, what is wrong and the cure
 */
export async function loadSession({ model, provider, threads }: SessionOptions): Promise<LoadedSession> {
  const path = model.onnxPath;
  let bytes: Uint8Array;
  try {
    bytes = path === undefined ? builtin.graph() : await readFile(path);
  } catch (cause) {
    throw new UnavailableError(`cannot read ${path}: ${(cause as Error).message}`);
  }
  let inspected: ModelInterface;
  try {
    inspected = inspectModel(bytes);
    const lacking = inspected.externalFiles.find((file) => !existsSync(join(dirname(path ?? "."), file)));
    if (lacking !== undefined) throw new Error(`its weights lie in ${lacking}, which is not beside it; fetch it too`);
    bytes = appendPooling(bytes, inspected, model.pooling);
    if (provider === "cpu" && model.maxTokens > WHOLE_TOKENS) bytes = cutAttention(bytes);
  } catch (cause) {
    throw new UnavailableError(`model ${model.name} cannot be used (${path}): ${(cause as Error).message}`);
  }
  const weights =
    inspected.externalData && path !== undefined ? { model_external_initializers_file_folder_path: dirname(path) } : {};
  const options = {
    // The graph of the builtin model is too light to be worth several threads.
    ...sessionOptions({ threads: path === undefined ? 1 : threads, provider }),
    // onnxruntime would keep a memory plan for each of thousands of shapes, and measurements showed no gain.
    enableMemPattern: false,
    extra: { session: { ...EXACT_BYTE_PRODUCTS, ...weights } },
  };
  if (provider === "cuda") multiplyFloat32InFull();
  try {
    const session = await InferenceSession.create(bytes, options);
    const inputTypes = new Map<string, IdType>();
    for (const { name, elementType } of inspected.inputs) inputTypes.set(name, elementType === 6 ? "int32" : "int64");
    return { session, inspected, inputTypes };
  } catch (cause) {
    // If the provider's library cannot be loaded, only the system's loader knows which file is missing.
    const lacking = provider === "cuda" ? cudaProviderFailure(cudaProvider()) : undefined;
    const why = lacking ?? deviceReason((cause as Error).message);
    const cure = deviceCure(provider, why) ?? "check that the file is complete";
    throw new UnavailableError(`model ${model.name} does not load on ${provider}: ${why}; ${cure}`);
  }
}
