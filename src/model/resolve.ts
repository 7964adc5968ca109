import { existsSync, statSync } from "node:fs";
import { UnavailableError } from "../errors.js";
import { builtin } from "./builtin.js";
import { readModelFolder } from "./folder.js";
import type { Dtype, ModelSpec } from "./spec.js";

/**
 * Finds the model that a name stands for: `builtin`, or a folder.
 * @throws UnavailableError where there is no such model, with the ways out
 */
export async function resolveModel(options: {
  name: string;
  dtype: Dtype | "auto";
  maxLength?: number;
}): Promise<ModelSpec> {
  const { name, dtype, maxLength } = options;
  if (name === "builtin") {
    if (dtype !== "auto" && dtype !== "fp32") {
      throw new UnavailableError(`the builtin model has no dtype ${dtype}, only fp32; leave --dtype out`);
    }
    if (maxLength !== undefined && maxLength > builtin.maxTokens) {
      throw new UnavailableError(
        `--max-length ${maxLength} is more than the builtin model takes: ${builtin.maxTokens}`,
      );
    }
    return {
      name,
      dtype: "fp32",
      pooling: "none",
      poolingSource: "part of the model",
      maxTokens: maxLength ?? builtin.maxTokens,
      threshold: builtin.threshold,
      thresholdSource: "measured on articles, reviews and perturbed titles; see README",
      fingerprint: `builtin ${builtin.version}`,
    };
  }
  if (existsSync(name) && statSync(name).isDirectory()) {
    return readModelFolder({ name, folder: name, dtype, maxLength });
  }
  throw new UnavailableError(
    `model ${name} is not on this machine; name a folder that holds its tokenizer.json and onnx/model.onnx, ` +
      "or use --model builtin, which needs no files",
  );
}
