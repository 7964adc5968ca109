import type { Dtype } from "./spec.js";

/** A model with a short name. */
export interface KnownModel {
  readonly name: string;
  /** Repository of a hub that holds the ONNX files and the tokenizer. */
  readonly repository: string;
  /** Repository of the original weights, which holds no ONNX file or only fp32. */
  readonly original: string;
  /** Components of a vector. */
  readonly dim: number;
  /** Longest input in tokens, special tokens included. */
  readonly maxTokens: number;
  readonly pooling: "cls";
  /**
   * Size of the download in MB (10^6 bytes) by dtype, rounded, as the repository lists its files. Only for display: the
   * hub's answer counts.
   */
  readonly megabytes: Readonly<Record<Dtype, number>>;
  readonly threshold: { readonly value: number; readonly source: string };
}

/**
 * Threshold of the v1.5 models. Their cards name no single value: "please select an appropriate similarity threshold
 * based on the similarity distribution on your data (such as 0.8, 0.85, or even 0.9)". A run that removes rows takes
 * the strictest of them.
 */
const BGE_THRESHOLD = {
  value: 0.9,
  source: "strictest of 0.8, 0.85, 0.9, which the model card suggests; it advises choosing one on your own data",
};

/** Threshold of bge-m3, whose card gives no value. */
const M3_THRESHOLD = {
  value: 0.9,
  source: "no advice on the model card, so that of the BGE v1.5 cards; choose one on your own data",
};

function bge(name: string, dim: number, megabytes: Record<Dtype, number>): KnownModel {
  return {
    name,
    repository: `Xenova/${name}`,
    original: `BAAI/${name}`,
    dim,
    maxTokens: 512,
    pooling: "cls",
    megabytes,
    threshold: BGE_THRESHOLD,
  };
}

/**
 * The models with a short name, small to large. Some cards put an instruction before a *query*. It is not used, because
 * near-duplicates are symmetric and both texts are passages.
 */
export const KNOWN_MODELS: readonly KnownModel[] = [
  bge("bge-small-zh-v1.5", 512, { fp32: 95, fp16: 48, int8: 24 }),
  bge("bge-base-zh-v1.5", 768, { fp32: 407, fp16: 204, int8: 103 }),
  bge("bge-large-zh-v1.5", 1024, { fp32: 1300, fp16: 650, int8: 327 }),
  bge("bge-small-en-v1.5", 384, { fp32: 133, fp16: 67, int8: 34 }),
  bge("bge-base-en-v1.5", 768, { fp32: 436, fp16: 218, int8: 110 }),
  bge("bge-large-en-v1.5", 1024, { fp32: 1340, fp16: 669, int8: 337 }),
  {
    ...bge("bge-m3", 1024, { fp32: 2290, fp16: 1150, int8: 587 }),
    maxTokens: 8192,
    threshold: M3_THRESHOLD,
  },
];

/** Finds the known model by its short name, its repository or the repository of its weights; case does not count. */
export function findKnownModel(name: string): KnownModel | undefined {
  const wanted = name.toLowerCase();
  return KNOWN_MODELS.find((model) =>
    [model.name, model.repository, model.original].some((alias) => alias.toLowerCase() === wanted),
  );
}
