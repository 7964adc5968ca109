import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { windowChars } from "../../src/embed/local/window-size.js";
import type { Dtype, ModelSpec } from "../../src/models/spec.js";

/** A model of so many million weights in one file. */
const modelOf = (millions: number, dtype: Dtype): ModelSpec => ({
  name: "m",
  folder: "m",
  onnxPath: "m/onnx/model.onnx",
  weightBytes: millions * 1e6 * { fp32: 4, fp16: 2, int8: 1 }[dtype],
  dtype,
  pooling: "cls",
  poolingSource: "test",
  maxTokens: 512,
  threshold: 0.9,
  thresholdSource: "test",
  fingerprint: "test",
});

describe("a window on a processor", () => {
  it("holds about ten seconds of work: what a large model does of 500 tokens/s, a base model of 1,500", () => {
    const large = windowChars(modelOf(325, "fp32"), "cpu");
    const base = windowChars(modelOf(102, "fp32"), "cpu");
    assert.ok(large / 500 > 5 && large / 500 < 20, `${large}`);
    assert.ok(base / 1500 > 5 && base / 1500 < 20, `${base}`);
  });

  it("does not depend on how the weights are stored", () => {
    for (const dtype of ["fp16", "int8"] as const) {
      assert.equal(windowChars(modelOf(102, dtype), "cpu"), windowChars(modelOf(102, "fp32"), "cpu"));
    }
  });

  it("stays within bounds for models of any size", () => {
    assert.equal(windowChars(modelOf(20_000, "fp32"), "cpu"), 4096);
    assert.equal(windowChars(modelOf(0, "fp32"), "cpu"), 65_536);
  });
});

it("a window on a GPU is larger than any on a processor", () => {
  assert.ok(windowChars(modelOf(325, "fp16"), "cuda") > 65_536);
});
