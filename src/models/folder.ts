import { existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { UnavailableError, UsageError } from "../errors.js";
import { sha256File } from "../io/sha256.js";
import { inspectModel } from "../onnx/inspect.js";
import { readJson } from "./folder-json.js";
import { onnxCandidates } from "./onnx-files.js";
import { readPooling } from "./pooling-config.js";
import type { Dtype, ModelSpec } from "./spec.js";

/** Threshold if neither the model nor the user gives one; sources in the README. */
const DEFAULT_THRESHOLD = 0.9;

/** Longest input in tokens if no file says otherwise: that of every BERT. */
const DEFAULT_MAX_TOKENS = 512;

/** The fields of config.json that are read, before they are checked. */
interface FolderConfig {
  max_position_embeddings?: unknown;
  vocab_size?: unknown;
  model_type?: unknown;
}

/** The value if it is a positive whole number, else undefined. */
function count(value: unknown): number | undefined {
  return Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : undefined;
}

/**
 * Finds the ONNX file of a dtype. `auto` prefers fp32, then takes what there is.
 * @throws UnavailableError if the folder has no such file, with the cure
 */
function findOnnx(folder: string, dtype: Dtype | "auto"): { path: string; dtype: Dtype } {
  const candidates = onnxCandidates(dtype);
  for (const candidate of candidates) {
    const path = join(folder, candidate.path);
    if (existsSync(path)) return { path, dtype: candidate.dtype };
  }
  const looked = candidates.map(({ path }) => path).join(", ");
  const cure =
    dtype === "auto"
      ? `export it: optimum-cli export onnx --task feature-extraction --model ${folder} FOLDER`
      : "choose another --dtype or export it";
  throw new UnavailableError(
    `model folder ${folder} has no ONNX file for dtype ${dtype}; looked for ${looked}; ${cure}`,
  );
}

/** Largest ONNX file that is read to look for files of weights, in bytes. A larger file contains its weights. */
const LARGEST_GRAPH = 2 ** 26;

/**
 * Files of weights beside an ONNX file: the files that the graph names, and files with the names that exporters give,
 * model.onnx_data or model.onnx.data and numbered ones. Missing files are reported when the model is loaded.
 */
async function weightFiles(onnxPath: string): Promise<string[]> {
  const folder = dirname(onnxPath);
  const name = basename(onnxPath);
  const siblings = await readdir(folder);
  const { size } = await stat(onnxPath);
  let named: readonly string[] = [];
  if (size <= LARGEST_GRAPH) {
    try {
      named = inspectModel(await readFile(onnxPath)).externalFiles;
    } catch {
      // The file is not an ONNX file; loading the model reports what is wrong.
    }
  }
  const theirs = siblings.filter(
    (file) => named.includes(file) || file.startsWith(`${name}_data`) || file.startsWith(`${name}.data`),
  );
  return theirs.sort().map((file) => join(folder, file));
}

/**
 * Reads a model folder in the layout of a hub: tokenizer.json, onnx/model.onnx and its variants, and, if present,
 * config.json, tokenizer_config.json, sentence_bert_config.json, modules.json and 1_Pooling/config.json. All weights
 * are read once, for their hash.
 * @param options.maxLength limit that the user asks for, in tokens (the model's limit)
 * @param options.threshold default threshold of a known model
 * @throws UnavailableError that names the file that is missing or damaged; UsageError where `maxLength` is more than the
 * model takes
 */
export async function readModelFolder(options: {
  name: string;
  folder: string;
  dtype: Dtype | "auto";
  maxLength?: number;
  threshold?: { value: number; source: string };
}): Promise<ModelSpec> {
  const { name, folder, dtype, maxLength, threshold } = options;
  const onnx = findOnnx(folder, dtype);
  const tokenizerPath = join(folder, "tokenizer.json");
  if (!existsSync(tokenizerPath)) {
    throw new UnavailableError(`model folder ${folder} has no tokenizer.json; take it from the model's repository`);
  }
  const config = (await readJson<FolderConfig>(folder, "config.json")) ?? {};
  const sentence = (await readJson<{ max_seq_length?: unknown }>(folder, "sentence_bert_config.json")) ?? {};
  const tokenizer = (await readJson<{ model_max_length?: unknown }>(folder, "tokenizer_config.json")) ?? {};
  const { pooling, source } = await readPooling(folder, name);
  // XLM-R counts positions from padding_idx + 1 = 2, so 514 positions hold 512 tokens.
  const positions =
    (count(config.max_position_embeddings) ?? DEFAULT_MAX_TOKENS) - (config.model_type === "xlm-roberta" ? 2 : 0);
  // sentence-transformers 5.4 and later store the length that a model was made for with the tokenizer, as other
  // libraries have always done. A length of 10^30 stands for none.
  const limit = Math.min(count(sentence.max_seq_length) ?? count(tokenizer.model_max_length) ?? positions, positions);
  if (maxLength !== undefined && maxLength > limit) {
    throw new UsageError(`--max-length ${maxLength} is more than model ${name} takes: ${limit} tokens; lower it`);
  }
  const files = [onnx.path, ...(await weightFiles(onnx.path))];
  const tokenizerFiles = [tokenizerPath, join(folder, "tokenizer_config.json")].filter((path) => existsSync(path));
  const [onnxHashes, tokenizerHashes] = await Promise.all(
    [files, tokenizerFiles].map((paths) => Promise.all(paths.map(sha256File))),
  );
  const sizes = await Promise.all(files.map((file) => stat(file)));
  return {
    name,
    folder,
    onnxPath: onnx.path,
    weightBytes: sizes.reduce((sum, { size }) => sum + size, 0),
    dtype: onnx.dtype,
    pooling,
    poolingSource: source,
    maxTokens: maxLength ?? limit,
    vocabSize: count(config.vocab_size),
    threshold: threshold?.value ?? DEFAULT_THRESHOLD,
    thresholdSource: threshold?.source ?? "general default; choose one on your own data",
    fingerprint: `onnx sha256:${onnxHashes.join("+")} tokenizer sha256:${tokenizerHashes.join("+")} pooling:${pooling}`,
  };
}
