import { copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { appendToModel, modelProto } from "../../src/onnx/builder.js";
import { tinyModel } from "../models/golden.js";

/** Models whose graphs pool by themselves, made of the tiny BERT. */

/** Components of a vector of the static model. */
const DIM = 48;

/**
 * Writes a static model with the tokenizer of the tiny BERT: a table of seeded random vectors, whose mean over the tokens
 * of a text is the text's vector. The graph takes the mean by itself, as those of published static models do.
 * @param folder is made
 * @returns the folder
 */
export function writeStaticModel(folder: string): string {
  const from = tinyModel("tiny-bert");
  mkdirSync(join(folder, "onnx"), { recursive: true });
  for (const name of ["tokenizer.json", "config.json"]) copyFileSync(join(from, name), join(folder, name));
  const rows = 172; // The vocabulary of the tiny BERT.
  let state = 5;
  const table = Float32Array.from({ length: rows * DIM }, () => {
    state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
    return state / 0x40000000 - 1;
  });
  const axis = (name: string, at: bigint) =>
    ({ name, dtype: "int64", shape: [1], data: BigInt64Array.of(at) }) as const;
  const sum = { keepdims: { int: 0 } };
  const graph = modelProto({
    nodes: [
      { op: "Gather", inputs: ["table", "input_ids"], outputs: ["tokens"] },
      { op: "Cast", inputs: ["attention_mask"], outputs: ["mask"], attributes: { to: { int: 1 } } },
      { op: "Unsqueeze", inputs: ["mask", "last"], outputs: ["weights"] },
      { op: "Mul", inputs: ["tokens", "weights"], outputs: ["weighted"] },
      { op: "ReduceSum", inputs: ["weighted", "middle"], outputs: ["total"], attributes: sum },
      { op: "ReduceSum", inputs: ["weights", "middle"], outputs: ["count"], attributes: sum },
      { op: "Div", inputs: ["total", "count"], outputs: ["sentence_embedding"] },
    ],
    inputs: ["input_ids", "attention_mask"].map((name) => ({ name, dtype: "int64", shape: ["batch", "length"] })),
    outputs: [{ name: "sentence_embedding", dtype: "float32", shape: ["batch", DIM] }],
    initializers: [
      { name: "table", dtype: "float32", shape: [rows, DIM], data: table },
      axis("last", 2n),
      axis("middle", 1n),
    ],
  });
  writeFileSync(join(folder, "onnx/model.onnx"), graph);
  return folder;
}

/**
 * Writes the tiny BERT with a mean over the tokens at the end of its graph.
 * @param folder is made
 * @returns the folder
 */
export function writePooledBert(folder: string): string {
  cpSync(tinyModel("tiny-bert"), folder, { recursive: true });
  const path = join(folder, "onnx/model.onnx");
  const mean = { axes: { ints: [1] }, keepdims: { int: 0 } };
  const pooled = appendToModel(readFileSync(path), {
    nodes: [{ op: "ReduceMean", inputs: ["last_hidden_state"], outputs: ["sentence_embedding"], attributes: mean }],
    inputs: [],
    outputs: [{ name: "sentence_embedding", dtype: "float32", shape: ["batch", 32] }],
  });
  writeFileSync(path, pooled);
  return folder;
}
