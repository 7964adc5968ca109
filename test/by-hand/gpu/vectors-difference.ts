import { parseArgs } from "node:util";
import { readModelFolder } from "../../../src/models/folder.js";
import type { Dtype } from "../../../src/models/spec.js";
import type { Provider } from "../../../src/onnx/ort-engine.js";
import { cosine } from "../../../src/vectors/cosine.js";
import { startEmbedder } from "../../../src/workers/embedders.js";
import { seededRandom } from "../../faults/random.js";
import { makeText } from "./texts.js";

/**
 * How far the vectors of two models of equal weights lie from each other, as one JSON line:
 *
 *     node dist/test/by-hand/gpu/vectors-difference.js --device cuda --dtype fp16 MODEL OTHER
 */
const TEXTS = 500;
const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: { device: { type: "string", default: "cpu" }, dtype: { type: "string", default: "fp16" } },
});
const random = seededRandom(11);
const texts = Array.from({ length: TEXTS }, () => makeText("mixed", random));
const provider = flags.device as Provider;

async function embedBy(folder: string) {
  const model = await readModelFolder({ name: folder, folder, dtype: flags.dtype as Dtype });
  const embedder = await startEmbedder({ model, provider, threads: 2, tokenizers: 1 });
  const { vectors } = await embedder.embed(texts);
  await embedder.close();
  return { vectors, dim: embedder.dim };
}

const [first, second] = [await embedBy(positionals[0]), await embedBy(positionals[1])];
const cosines = texts.map((_, text) => {
  const from = text * first.dim;
  return cosine(first.vectors, from, second.vectors, from, first.dim);
});
const lowest = Math.min(...cosines);
// A cosine that is no number must not pass for a good one.
const figures = { lowest_cosine: lowest.toFixed(7), within: Number.isFinite(lowest) && lowest >= 0.999 };
console.log(JSON.stringify({ label: "fused", device: provider, dtype: flags.dtype, model: "large shape", ...figures }));
