import { after } from "node:test";
import type { Embedder } from "../../src/embed/local/embedder.js";
import { readModelFolder } from "../../src/models/folder.js";
import type { Dtype } from "../../src/models/spec.js";
import type { Pooling } from "../../src/onnx/pooling.js";
import { type EmbedderOptions, startEmbedder } from "../../src/workers/embedders.js";
import { tinyModel } from "../models/golden.js";

const open: Embedder[] = [];
after(() => Promise.all(open.map((embedder) => embedder.close())));

/**
 * Starts an embedder of the tiny BERT on the processor, which is closed when the tests of the file have ended.
 * @param options what is to be unlike one thread, one tokenizing worker and what the model's folder says; `folder` is
 * that of another model
 */
export async function startTiny(
  options: { folder?: string; dtype?: Dtype; maxLength?: number; pooling?: Pooling } & Partial<EmbedderOptions> = {},
): Promise<Embedder> {
  const { folder = tinyModel("tiny-bert"), dtype = "fp32", maxLength, pooling, ...rest } = options;
  const read = await readModelFolder({ name: "tiny", folder, dtype, maxLength });
  const model = pooling === undefined ? read : { ...read, pooling };
  const embedder = await startEmbedder({ model, provider: "cpu", threads: 1, tokenizers: 1, ...rest });
  open.push(embedder);
  return embedder;
}
