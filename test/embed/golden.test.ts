import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readModelFolder } from "../../src/models/folder.js";
import type { Dtype, ModelSpec } from "../../src/models/spec.js";
import type { Provider } from "../../src/onnx/ort-engine.js";
import type { Pooling } from "../../src/onnx/pooling.js";
import { startEmbedder } from "../../src/workers/embedders.js";
import { type Golden, readGolden, tinyModel } from "../models/golden.js";

/**
 * Vectors of all golden texts in one window, their lengths mixed; transformers computed each alone. Each embedder is closed
 * before the next one opens: onnxruntime's WebGPU sessions share one context, and those of two threads that are released at
 * the same time damage the heap (2 of 32 runs with 8 of them on a busy machine; none of 49 one after the other).
 */
async function embedGolden(
  golden: readonly Golden[],
  model: ModelSpec,
  provider: Provider = "cpu",
): Promise<Float32Array[]> {
  const embedder = await startEmbedder({ model, provider, threads: 2, tokenizers: 1 });
  try {
    const { vectors, directed } = await embedder.embed(golden.map(({ text }) => text));
    assert.ok(directed.every((flag) => flag === 1));
    return golden.map((_, i) => vectors.subarray(i * embedder.dim, (i + 1) * embedder.dim));
  } finally {
    await embedder.close();
  }
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < b.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += a[i] * b[i];
  return sum;
}

const bert = readGolden("tiny-bert");
const xlmr = readGolden("tiny-xlmr");
const folder = (name: Parameters<typeof tinyModel>[0], dtype: Dtype = "fp32") =>
  readModelFolder({ name, folder: tinyModel(name), dtype });

describe("vectors equal those of Hugging Face transformers", () => {
  for (const pooling of ["cls", "mean"] as const satisfies Pooling[]) {
    it(`within 1e-4 in fp32, pooled by ${pooling}, for a BERT`, async () => {
      const vectors = await embedGolden(bert, { ...(await folder("tiny-bert")), pooling });
      for (const [i, golden] of bert.entries()) {
        assert.ok(largestDifference(vectors[i], golden[pooling]) < 1e-4, golden.text);
      }
    });

    it(`within 1e-4 in fp32, pooled by ${pooling}, for an XLM-RoBERTa, which has no token types`, async () => {
      const vectors = await embedGolden(xlmr, { ...(await folder("tiny-xlmr")), pooling });
      for (const [i, golden] of xlmr.entries()) {
        assert.ok(largestDifference(vectors[i], golden[pooling]) < 1e-4, golden.text);
      }
    });

    for (const [dtype, least] of [
      ["fp16", 0.9999],
      ["int8", 0.99],
    ] as const) {
      it(`to a cosine of ${least} in ${dtype}, pooled by ${pooling}`, async () => {
        const vectors = await embedGolden(bert, { ...(await folder("tiny-bert", dtype)), pooling });
        for (const [i, golden] of bert.entries()) {
          const found = cosine(vectors[i], golden[pooling]);
          assert.ok(found >= least, `${found} for ${golden.text}`);
        }
      });
    }
  }

  it("where the weights lie in a file of their own", async () => {
    const model = { ...(await folder("tiny-bert")), onnxPath: `${tinyModel("tiny-external")}/onnx/model.onnx` };
    const vectors = await embedGolden(bert, model);
    for (const [i, { text, cls }] of bert.entries()) assert.ok(largestDifference(vectors[i], cls) < 1e-4, text);
  });

  // For machines that have one; a software Vulkan driver will do:
  // BGE_TEST_DEVICE=webgpu VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json node --test ...
  const device = process.env.BGE_TEST_DEVICE as Provider | undefined;
  for (const name of ["tiny-bert", "tiny-xlmr"] as const) {
    for (const pooling of ["cls", "mean"] as const) {
      const title = `within 1e-4 on the device that BGE_TEST_DEVICE names, ${name} pooled by ${pooling}`;
      it(title, { skip: device === undefined }, async () => {
        const golden = readGolden(name);
        const vectors = await embedGolden(golden, { ...(await folder(name)), pooling }, device);
        for (const [i, expected] of golden.entries()) {
          assert.ok(largestDifference(vectors[i], expected[pooling]) < 1e-4, expected.text);
        }
      });
    }
  }
});
