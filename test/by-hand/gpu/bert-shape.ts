import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { seededRandom } from "../../faults/random.js";
import { bertGraph, type Shape, toHalf } from "./shape-graph.js";
import { CHARACTERS, SHORT_WORDS } from "./texts.js";

/**
 * Makes a model folder of the shape of bge-large with seeded random weights, in fp32 and fp16, without Python:
 *
 *     node dist/test/by-hand/gpu/bert-shape.js OUT [--tiny] [--fused]
 *
 * Random weights give the speed of real ones and vectors without meaning. The weights are three times as large as those that BERT
 * starts from, so that attention is no mere average and different texts get different vectors.
 */
const LARGE = { layers: 24, hidden: 1024, heads: 16, vocabulary: 21_128, positions: 512 };
const TINY = { ...LARGE, layers: 3, hidden: 64, heads: 4 };

/** Numbers that the weights are cut from, over and over: speed does not depend on their being different. */
const BLOCK = 1 << 20;

const [out, ...flags] = process.argv.slice(2);
if (out === undefined) throw new Error("expected: OUT [--tiny] [--fused]");
const shape: Shape = flags.includes("--tiny") ? TINY : LARGE;
/** With attention as one operator, which is written in fp16 alone. */
const fused = flags.includes("--fused");

const random = seededRandom(1);
const reach = (2 * Math.sqrt(3)) / Math.sqrt(shape.hidden);
const block = Float32Array.from({ length: BLOCK }, () => reach * (2 * random.fraction() - 1));
const blocks = { fp32: block, fp16: Uint16Array.from(block, toHalf) };

/** Fills a file with numbers of the block. Rounds end at an odd number of them, so that no two tensors look alike. */
function writeWeights(path: string, numbers: Float32Array | Uint16Array, length: number): void {
  const bytes = Buffer.from(numbers.buffer).subarray(0, numbers.byteLength - 3 * numbers.BYTES_PER_ELEMENT);
  const file = openSync(path, "w");
  for (let at = 0; at < length; ) at += writeSync(file, bytes, 0, Math.min(bytes.length, length - at));
  closeSync(file);
}

mkdirSync(join(out, "onnx"), { recursive: true });
mkdirSync(join(out, "1_Pooling"), { recursive: true });
for (const [dtype, name] of [
  ["fp32", "model.onnx"],
  ["fp16", "model_fp16.onnx"],
] as const) {
  if (fused && dtype === "fp32") continue;
  const { model, weightBytes } = bertGraph(shape, dtype === "fp16", `${name}_data`, fused);
  writeFileSync(join(out, "onnx", name), model);
  writeWeights(join(out, "onnx", `${name}_data`), blocks[dtype], weightBytes);
  console.log(JSON.stringify({ file: name, weight_bytes: weightBytes }));
}

const json = (path: string, value: unknown) => writeFileSync(join(out, path), JSON.stringify(value));
const special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"];
const words = [...special, ...CHARACTERS, ...SHORT_WORDS];
while (words.length < shape.vocabulary) words.push(`[unused${words.length}]`);
const tokenizer = JSON.parse(readFileSync("test/models/tiny-bert/tokenizer.json", "utf8"));
// The tiny model's tokenizer has the same special tokens by the same ids.
tokenizer.model.vocab = Object.fromEntries(words.map((word, id) => [word, id]));
json("tokenizer.json", tokenizer);
json("tokenizer_config.json", { tokenizer_class: "BertTokenizer", model_max_length: shape.positions });
json("config.json", { model_type: "bert", vocab_size: shape.vocabulary, max_position_embeddings: shape.positions });
json("1_Pooling/config.json", { pooling_mode_cls_token: true, pooling_mode_mean_tokens: false });
