import type { Pooling } from "../onnx/pooling.js";

/** Element type of the ONNX file that is used. */
export type Dtype = "fp32" | "fp16" | "int8";

/**
 * What happens to a text that is longer than the model takes: its end is cut off, or the vectors of its windows are
 * averaged.
 */
export type LongText = "truncate" | "mean";

/**
 * Everything that a run needs to know about a model before a session is created. Workers receive a structured clone.
 */
export interface ModelSpec {
  /** The name as the user gave it: builtin, a known name, or the folder. */
  readonly name: string;
  /** Folder with tokenizer.json and the ONNX file; absent for builtin. */
  readonly folder?: string;
  /** Path of the ONNX file; absent for builtin. */
  readonly onnxPath?: string;
  /** Bytes of the ONNX file and of its files of weights; absent if there is no ONNX file. */
  readonly weightBytes?: number;
  /** "served" if a server runs the model and only the server knows the type. */
  readonly dtype: Dtype | "served";
  readonly pooling: Pooling;
  /** Where the pooling was read, for doctor. */
  readonly poolingSource: string;
  /** Longest input in tokens, special tokens included; 0 if unknown. */
  readonly maxTokens: number;
  /** Entries of the model's vocabulary, which token ids must not exceed; absent if config.json does not tell. */
  readonly vocabSize?: number;
  /** Cosine from which two texts are near-duplicates unless the user says otherwise. */
  readonly threshold: number;
  /** Where the threshold comes from. */
  readonly thresholdSource: string;
  /**
   * Identity of what the vectors depend on: SHA-256 of the ONNX file and of the tokenizer, or the version of the
   * builtin model.
   */
  readonly fingerprint: string;
}
