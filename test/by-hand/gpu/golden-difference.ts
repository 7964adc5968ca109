import { readModelFolder } from "../../../src/models/folder.js";
import type { Provider } from "../../../src/onnx/ort-engine.js";
import { startEmbedder } from "../../../src/workers/embedders.js";
import { readGolden, tinyModel } from "../../models/golden.js";

/**
 * How far the vectors of the tiny models lie from those of Hugging Face transformers on a device, one JSON line for each model and
 * element type: `node dist/test/by-hand/gpu/golden-difference.js cuda [LABEL]`. The tests ask for 1e-4 in fp32 and for a cosine of
 * 0.9999 in fp16.
 */
const [device, label = ""] = process.argv.slice(2);

for (const [name, dtype] of [
  ["tiny-bert", "fp32"],
  ["tiny-xlmr", "fp32"],
  ["tiny-bert", "fp16"],
] as const) {
  const model = await readModelFolder({ name, folder: tinyModel(name), dtype });
  const golden = readGolden(name);
  for (const pooling of ["cls", "mean"] as const) {
    const provider = device as Provider;
    const embedder = await startEmbedder({ model: { ...model, pooling }, provider, threads: 2, tokenizers: 1 });
    const { vectors } = await embedder.embed(golden.map(({ text }) => text));
    const { dim } = embedder;
    await embedder.close();
    let largest = 0;
    let lowest = 1;
    for (const [row, expected] of golden.entries()) {
      let cosine = 0;
      for (const [i, value] of expected[pooling].entries()) {
        largest = Math.max(largest, Math.abs(vectors[row * dim + i] - value));
        cosine += vectors[row * dim + i] * value;
      }
      lowest = Math.min(lowest, cosine);
    }
    // A cosine that is no number must not pass for a good one.
    const finite = vectors.every(Number.isFinite);
    const within = finite && (dtype === "fp32" ? largest < 1e-4 : lowest >= 0.9999);
    const figures = { largest_difference: largest.toExponential(1), lowest_cosine: lowest.toFixed(7), within };
    console.log(JSON.stringify({ label, device, model: name, dtype, pooling, ...figures }));
  }
}
