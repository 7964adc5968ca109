import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { keepFirstToken } from "../../src/onnx/first-token.js";
import { inspectModel } from "../../src/onnx/inspect.js";
import { appendPooling, POOLED } from "../../src/onnx/pooling.js";
import { join } from "../../src/onnx/protobuf.js";
import { readFields, readString } from "../../src/onnx/protobuf-reader.js";
import { tinyModel } from "../models/golden.js";

/** Operators of a model's nodes, and how many of those there are for the first token alone. */
function countOps(model: Uint8Array): Map<string, number> {
  const counts = new Map<string, number>();
  readFields(model, (field, graph) => {
    if (field !== 7) return;
    readFields(graph as Uint8Array, (graphField, node) => {
      if (graphField !== 1) return;
      readFields(node as Uint8Array, (part, value) => {
        if (part === 4) counts.set(readString(value), (counts.get(readString(value)) ?? 0) + 1);
      });
    });
  });
  return counts;
}

async function run(model: Uint8Array, output: string, tokens: number): Promise<Tensor> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const shape = [3, tokens];
  const int64 = (value: (i: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: 3 * tokens }, (_, i) => BigInt(value(i))),
      shape,
    );
  const all: Record<string, Tensor> = {
    input_ids: int64((i) => 5 + ((i * 37) % 100)),
    // The second text is a token shorter than the others.
    attention_mask: int64((i) => (i === 2 * tokens - 1 ? 0 : 1)),
    token_type_ids: int64(() => 0),
  };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]]));
  return (await session.run(feeds, [output]))[output];
}

for (const [name, file] of [
  ["tiny-bert", "model.onnx"],
  ["tiny-bert", "model_fp16.onnx"],
  ["tiny-xlmr", "model.onnx"],
] as const) {
  describe(`the first token of ${name} ${file}`, () => {
    const model = readFileSync(`${tinyModel(name)}/onnx/${file}`);

    it("has the same vector to the bit where only it goes through the end of the last layer", async () => {
      for (const tokens of [2, 9, 40]) {
        const whole = await run(model, "last_hidden_state", tokens);
        const pooled = await run(appendPooling(model, inspectModel(model), "cls"), POOLED, tokens);
        const dim = whole.dims[2];
        assert.deepEqual(pooled.dims, [3, dim]);
        for (let row = 0; row < 3; row++) {
          const start = row * tokens * dim;
          assert.deepEqual(
            pooled.data.slice(row * dim, (row + 1) * dim),
            (whole.data as Float32Array).slice(start, start + dim),
          );
        }
      }
    });

    it("is taken before the last projection, feed-forward network and normalisation, from two tensors", () => {
      const before = countOps(model);
      const narrowed = keepFirstToken(model, "last_hidden_state");
      const after = countOps(join(narrowed));
      assert.equal(after.get("Gather"), (before.get("Gather") as number) + 2);
      assert.equal(after.get("MatMul"), before.get("MatMul"));
    });
  });
}

describe("a model of another shape", () => {
  it("is left as it is where its tokens do not see each other", () => {
    const model = readFileSync(`${tinyModel("tiny-bert")}/onnx/model.onnx`);
    // By another name the operator is unknown.
    const text = Buffer.from(model).toString("latin1").replaceAll("\x07Softmax", "\x07Softmin");
    const unknown = Buffer.from(text, "latin1");
    assert.deepEqual(keepFirstToken(unknown, "last_hidden_state"), [unknown]);
  });

  it("keeps the quantisation of its activations, of the first token at the end", () => {
    const model = readFileSync(`${tinyModel("tiny-bert")}/onnx/model_int8.onnx`);
    assert.equal(inspectModel(model).quantisesActivations, true);
    const before = countOps(model);
    const after = countOps(join(keepFirstToken(model, "last_hidden_state")));
    assert.equal(after.get("DynamicQuantizeLinear"), before.get("DynamicQuantizeLinear"));
    assert.equal(after.get("Gather"), (before.get("Gather") as number) + 2);
  });
});
