import { normaliseInto } from "../../src/embed/normalise.js";
import { builtin } from "../../src/models/builtin.js";
import { modelProto } from "../../src/onnx/builder.js";
import type { Kernel, Tile } from "../../src/onnx/engine.js";
import { createOrtEngine } from "../../src/onnx/ort-engine.js";

/** Feeds of one padded batch, `width` tokens wide or as wide as its longest text. */
export function builtinFeeds(texts: readonly string[], width = 1): Record<string, Tile> {
  const rows = texts.map((text) => builtin.encode(text, builtin.maxTokens).ids.slice());
  const tokens = Math.max(width, ...rows.map((ids) => ids.length));
  const ids = new BigInt64Array(rows.length * tokens);
  const mask = new BigInt64Array(rows.length * tokens);
  for (let r = 0; r < rows.length; r++) {
    for (let t = 0; t < rows[r].length; t++) {
      ids[r * tokens + t] = BigInt(rows[r][t]);
      mask[r * tokens + t] = 1n;
    }
  }
  const shape = [rows.length, tokens];
  return { input_ids: { dtype: "int64", shape, data: ids }, attention_mask: { dtype: "int64", shape, data: mask } };
}

/** Sums of the builtin model's graph, n × dim, batch by batch. */
export async function builtinSums(texts: readonly string[], batch = 256, threads = 1): Promise<Float32Array> {
  const kernel = await createOrtEngine({ threads }).compile(builtin.graph());
  const sums = new Float32Array(texts.length * builtin.dim);
  for (let start = 0; start < texts.length; start += batch) {
    const { sentence_embedding } = await kernel.run(builtinFeeds(texts.slice(start, start + batch)));
    sums.set(sentence_embedding.data as Float32Array, start * builtin.dim);
  }
  await kernel.release();
  return sums;
}

/** Vectors of the builtin model, n × dim. */
export function builtinVectors(texts: readonly string[]): Float32Array {
  const { dim, name, maxTokens } = builtin;
  const vectors = new Float32Array(texts.length * dim);
  const sums = new Int32Array(dim);
  texts.forEach((text, row) => {
    builtin.project(builtin.encode(text, maxTokens).ids, sums);
    normaliseInto(sums, 0, vectors, row * dim, dim, name);
  });
  return vectors;
}

/** Two rows (left < right) and their cosine. */
export type Pair = readonly [left: number, right: number, cosine: number];

const TILE = 1024;

/** All pairs of unit vectors with cosine >= `least`, best first, by plain float32 tile products: no pruning. */
export async function pairsAbove(vectors: Float32Array, dim: number, least: number): Promise<Pair[]> {
  const kernel: Kernel = await createOrtEngine({ threads: 2 }).compile(
    modelProto({
      nodes: [
        { op: "Transpose", inputs: ["right"], outputs: ["columns"], attributes: { perm: { ints: [1, 0] } } },
        { op: "MatMul", inputs: ["left", "columns"], outputs: ["cosines"] },
      ],
      inputs: [
        { name: "left", dtype: "float32", shape: ["rows", dim] },
        { name: "right", dtype: "float32", shape: ["others", dim] },
      ],
      outputs: [{ name: "cosines", dtype: "float32", shape: ["rows", "others"] }],
    }),
  );
  const count = vectors.length / dim;
  const tile = (start: number): Tile => {
    const rows = Math.min(TILE, count - start);
    return { dtype: "float32", shape: [rows, dim], data: vectors.subarray(start * dim, (start + rows) * dim) };
  };
  const pairs: Pair[] = [];
  for (let top = 0; top < count; top += TILE) {
    for (let side = top; side < count; side += TILE) {
      const { cosines } = await kernel.run({ left: tile(top), right: tile(side) });
      const values = cosines.data;
      const width = cosines.shape[1];
      for (let at = 0; at < values.length; at++) {
        if (values[at] < least) continue;
        const left = top + Math.floor(at / width);
        const right = side + (at % width);
        if (left < right) pairs.push([left, right, values[at] as number]);
      }
    }
  }
  await kernel.release();
  return pairs.sort((a, b) => b[2] - a[2]);
}
