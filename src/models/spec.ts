import type { Pooling } from "../onnx/pooling.js";

/** Element type of the ONNX file that is used. */
export type Dtype = "fp32" | "fp16" | "int8";

/** What becomes of a text that is longer than the model takes: its end is cut off, or its windows are averaged. */
export type LongText = "truncate" | "mean";

/** Everything a run needs to know of a model before a session is made. Structured-cloneable: workers receive it. */
export interface ModelSpec {
  /** As asked for: builtin, a known name, or the folder. */
  readonly name: string;
  /** Folder with tokenizer.json and the ONNX file; absent for builtin. */
  readonly folder?: string;
  /** Path of the ONNX file; absent for builtin. */
  readonly onnxPath?: string;
  /** Bytes of the ONNX file and of the files beside it that hold its weights; absent where there is none. */
  readonly weightBytes?: number;
  /** "served" where a server runs the model and only it knows. */
  readonly dtype: Dtype | "served";
  readonly pooling: Pooling;
  /** Where the pooling was read, for doctor. */
  readonly poolingSource: string;
  /** Longest input in tokens, special ones included. */
  readonly maxTokens: number;
  /** Size of the tokenizer's vocabulary must not exceed this, where config.json tells. */
  readonly vocabSize?: number;
  /** Cosine from which two texts are near-duplicates unless the user says otherwise. */
  readonly threshold: number;
  /** Why that threshold. */
  readonly thresholdSource: string;
  /** Identity of what the vectors depend on: sha256 of the ONNX file and the tokenizer, or builtin's version. */
  readonly fingerprint: string;
}
