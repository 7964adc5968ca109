import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { inspectModel } from "../../src/onnx/inspect.js";
import { appendPooling } from "../../src/onnx/pooling.js";
import { tinyModel } from "../models/golden.js";

const read = (name: Parameters<typeof tinyModel>[0], file = "model.onnx") =>
  readFileSync(`${tinyModel(name)}/onnx/${file}`);
const vocabulary = (name: "tiny-bert" | "tiny-xlmr"): number =>
  JSON.parse(readFileSync(`${tinyModel(name)}/config.json`, "utf8")).vocab_size;

describe("the interface of a model", () => {
  it("has inputs and outputs with element type and rank", () => {
    const { inputs, outputs } = inspectModel(read("tiny-bert"));
    assert.deepEqual(
      inputs.map(({ name, elementType, rank }) => [name, elementType, rank]),
      [
        ["input_ids", 7, 2],
        ["attention_mask", 7, 2],
        ["token_type_ids", 7, 2],
      ],
    );
    assert.deepEqual(outputs, [{ name: "last_hidden_state", elementType: 1, rank: 3, lastDim: 32 }]);
  });

  it("shows the table of the vocabulary, in every element type", () => {
    for (const file of ["model.onnx", "model_fp16.onnx", "model_int8.onnx"]) {
      assert.equal(inspectModel(read("tiny-bert", file)).vocabulary, vocabulary("tiny-bert"), file);
    }
    assert.equal(inspectModel(read("tiny-xlmr")).vocabulary, vocabulary("tiny-xlmr"));
  });

  it("shows the table of positions, in every element type", () => {
    for (const file of ["model.onnx", "model_fp16.onnx", "model_int8.onnx"]) {
      assert.equal(inspectModel(read("tiny-bert", file)).positions, 512, file);
    }
    assert.equal(inspectModel(read("tiny-xlmr")).positions, 514);
  });

  it("says whether activations are quantised as it runs", () => {
    assert.equal(inspectModel(read("tiny-bert", "model_int8.onnx")).quantisesActivations, true);
    assert.equal(inspectModel(read("tiny-bert")).quantisesActivations, false);
  });

  it("names the files that hold its weights", () => {
    assert.deepEqual(inspectModel(read("tiny-external")).externalFiles, ["model.onnx_data"]);
    assert.deepEqual(inspectModel(read("tiny-bert")).externalFiles, []);
  });

  it("of what was cut off at any byte is an error, never something else", () => {
    const model = read("tiny-bert");
    for (let length = 0; length < model.length; length += 997) {
      assert.throws(() => inspectModel(model.subarray(0, length)), /is not an ONNX model|is cut off/);
    }
  });

  it("after pooling has one more output", () => {
    const model = read("tiny-bert");
    const names = (bytes: Uint8Array) => inspectModel(bytes).outputs.map(({ name }) => name);
    assert.deepEqual(names(appendPooling(model, inspectModel(model), "mean")), [
      "last_hidden_state",
      "bge_dedup_pooled",
    ]);
    assert.deepEqual(names(appendPooling(model, inspectModel(model), "cls")), ["bge_dedup_pooled"]);
  });
});
