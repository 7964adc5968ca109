import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { cutAttention } from "../../src/onnx/attention-blocks.js";
import { type Initializer, modelProto, type Node } from "../../src/onnx/builder.js";
import { inspectModel } from "../../src/onnx/inspect.js";
import { appendPooling, POOLED } from "../../src/onnx/pooling.js";
import { tinyModel } from "../models/golden.js";

const HEADS = 2;
const WIDTH = 8;

/**
 * Attention of [rows, tokens, 16] with itself: no position table, so that a text may have any length.
 * @param options.masked whether a mask for each token, [rows, 1, tokens, tokens], is added, or [rows, 1, 1, tokens]
 * @param options.scoresLeave whether the weights of all pairs are a second output
 */
function attention({ masked, scoresLeave = false }: { masked: "tokens" | "rows"; scoresLeave?: boolean }): Uint8Array {
  const heads = { perm: { ints: [0, 2, 1, 3] } };
  const nodes: Node[] = [
    { op: "Gather", inputs: ["table", "input_ids"], outputs: ["x"] },
    { op: "Reshape", inputs: ["x", "by_head"], outputs: ["x4"] },
    { op: "Transpose", inputs: ["x4"], outputs: ["q"], attributes: heads },
    { op: "Transpose", inputs: ["x4"], outputs: ["k"], attributes: { perm: { ints: [0, 2, 3, 1] } } },
    { op: "Cast", inputs: ["attention_mask"], outputs: ["seen"], attributes: { to: { int: 1 } } },
    { op: "Sub", inputs: ["seen", "one"], outputs: ["unseen"] },
    { op: "Mul", inputs: ["unseen", "far"], outputs: ["lowered"] },
    { op: "Reshape", inputs: ["lowered", "as_row"], outputs: ["row_mask"] },
    { op: "Reshape", inputs: ["lowered", "as_column"], outputs: ["column_mask"] },
    // A mask that differs from token to token shows whether each block has its own rows of the mask.
    { op: "Add", inputs: ["row_mask", "column_mask"], outputs: ["token_mask"] },
    { op: "MatMul", inputs: ["q", "k"], outputs: ["scores"] },
    { op: "Div", inputs: ["scores", "scale"], outputs: ["scaled"] },
    { op: "Add", inputs: ["scaled", masked === "rows" ? "row_mask" : "token_mask"], outputs: ["masked"] },
    { op: "Softmax", inputs: ["masked"], outputs: ["weights"], attributes: { axis: { int: -1 } } },
    { op: "MatMul", inputs: ["weights", "q"], outputs: ["sums"] },
    { op: "Transpose", inputs: ["sums"], outputs: ["back"], attributes: heads },
    { op: "Reshape", inputs: ["back", "joined"], outputs: ["last_hidden_state"] },
  ];
  const float = (name: string, shape: number[], data: Float32Array): Initializer => ({
    name,
    dtype: "float32",
    shape,
    data,
  });
  const ints = (name: string, values: number[]): Initializer => ({
    name,
    dtype: "int64",
    shape: [values.length],
    data: BigInt64Array.from(values, BigInt),
  });
  const table = Float32Array.from({ length: 100 * HEADS * WIDTH }, (_, i) => Math.sin(i * 1.7) * 2);
  const input = (name: string) => ({ name, dtype: "int64" as const, shape: ["rows", "tokens"] });
  const output = (name: string, shape: (number | string)[]) => ({ name, dtype: "float32" as const, shape });
  return modelProto({
    nodes,
    inputs: [input("input_ids"), input("attention_mask")],
    outputs: [
      output("last_hidden_state", ["rows", "tokens", HEADS * WIDTH]),
      ...(scoresLeave ? [output("weights", ["rows", HEADS, "tokens", "tokens"])] : []),
    ],
    initializers: [
      float("table", [100, HEADS * WIDTH], table),
      float("one", [], Float32Array.of(1)),
      float("far", [], Float32Array.of(3)),
      float("scale", [], Float32Array.of(Math.sqrt(WIDTH))),
      ints("by_head", [0, 0, HEADS, WIDTH]),
      ints("as_row", [0, 1, 1, -1]),
      ints("as_column", [0, 1, -1, 1]),
      ints("joined", [0, 0, HEADS * WIDTH]),
    ],
  });
}

async function run(model: Uint8Array, output: string, [rows, tokens]: number[]): Promise<Float32Array> {
  const session = await InferenceSession.create(model, { logSeverityLevel: 4 });
  const int64 = (value: (i: number) => number) =>
    new Tensor(
      "int64",
      BigInt64Array.from({ length: rows * tokens }, (_, i) => BigInt(value(i))),
      [rows, tokens],
    );
  const all: Record<string, Tensor> = {
    input_ids: int64((i) => 5 + ((i * 37) % 90)),
    // Every text but the first is two tokens shorter.
    attention_mask: int64((i) => (i >= tokens && i % tokens >= tokens - 2 ? 0 : 1)),
    token_type_ids: int64(() => 0),
  };
  const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]]));
  const result = (await session.run(feeds, [output]))[output].data as Float32Array;
  await session.release();
  return result;
}

describe("attention in blocks", () => {
  for (const masked of ["rows", "tokens"] as const) {
    it(`gives the same vectors to the bit, with a mask of all ${masked}`, async () => {
      const model = attention({ masked });
      const cut = cutAttention(model);
      assert.notEqual(cut, model);
      for (const shape of [
        [1, 1],
        [1, 2],
        [3, 40],
        [1, 1024],
        [1, 1025],
        [2, 1281],
        [1, 4095],
        [1, 4096],
        [1, 4127],
      ]) {
        const whole = await run(model, "last_hidden_state", shape);
        assert.ok(whole.some((value) => value !== whole[0]));
        assert.deepEqual(await run(cut, "last_hidden_state", shape), whole, `${shape}`);
      }
    });
  }

  it("never holds the scores of all pairs of a long text", async () => {
    const tokens = 8192;
    const scores = HEADS * tokens ** 2 * 4;
    const before = process.resourceUsage().maxRSS * 1024;
    await run(cutAttention(attention({ masked: "rows" })), "last_hidden_state", [1, tokens]);
    const grown = process.resourceUsage().maxRSS * 1024 - before;
    assert.ok(grown < scores, `${grown} bytes more for ${scores} bytes of scores`);
  });

  for (const [name, file] of [
    ["tiny-bert", "model.onnx"],
    ["tiny-bert", "model_fp16.onnx"],
    ["tiny-bert", "model_int8.onnx"],
    ["tiny-xlmr", "model.onnx"],
  ]) {
    it(`gives the vectors of ${name} ${file} to the bit`, async () => {
      const bytes = readFileSync(`${tinyModel(name as "tiny-bert")}/onnx/${file}`);
      const model = appendPooling(bytes, inspectModel(bytes), "cls");
      const cut = cutAttention(model);
      assert.notEqual(cut, model);
      for (const shape of [
        [1, 2],
        [3, 33],
        [2, 60],
      ]) {
        assert.deepEqual(await run(cut, POOLED, shape), await run(model, POOLED, shape), `${shape}`);
      }
    });
  }

  it("leaves a graph alone whose weights of all pairs are used elsewhere", () => {
    const model = attention({ masked: "rows", scoresLeave: true });
    assert.equal(cutAttention(model), model);
  });
});
