import { existsSync, statSync } from "node:fs";
import { basename, resolve } from "node:path";
import { UnavailableError } from "../errors.js";
import type { Reporter } from "../reporter.js";
import { builtin } from "./builtin.js";
import { readModelFolder } from "./folder.js";
import { isRepository } from "./hub/cache.js";
import { type HubSettings, hubSettings } from "./hub/settings.js";
import { findKnownModel, KNOWN_MODELS } from "./registry.js";
import type { Dtype, ModelSpec } from "./spec.js";

/**
 * Finds the model that a name stands for, in this order: `builtin`, a folder, a known name, `owner/name` of a hub. A
 * model of a hub is downloaded unless it is cached. Nothing in a model's folder is ever executed.
 * @param options.maxLength limit that the user asks for, in tokens (the model's limit)
 * @param options.settings where models come from (as the environment says)
 * @throws UnavailableError with the ways out if there is no such model
 */
export async function resolveModel(options: {
  name: string;
  dtype: Dtype | "auto";
  maxLength?: number;
  settings?: HubSettings;
  reporter?: Pick<Reporter, "stage" | "note">;
  signal?: AbortSignal;
}): Promise<ModelSpec> {
  const { name, dtype, maxLength } = options;
  if (name === "builtin") return builtinModel(dtype, maxLength);
  if (existsSync(name)) {
    if (!statSync(name).isDirectory()) {
      throw new UnavailableError(`--model ${name} is a file; expected the folder that holds tokenizer.json and onnx/`);
    }
    const threshold = findKnownModel(basename(resolve(name)))?.threshold;
    return readModelFolder({ name, folder: name, dtype, maxLength, threshold });
  }
  const repository = repositoryOf(name);
  const { settings = hubSettings(process.env), reporter, signal } = options;
  const { fetchModel } = await import("./hub/hub.js");
  const folder = await fetchModel({ repository, dtype, settings, reporter, signal });
  return readModelFolder({ name, folder, dtype, maxLength, threshold: findKnownModel(name)?.threshold });
}

/**
 * The repository that a known name or an `owner/name` stands for.
 * @throws UnavailableError for any other name, which says whether the name was taken for a path
 */
export function repositoryOf(name: string): string {
  // The repository of the original weights is not replaced by another: a user who names it means it.
  const known = KNOWN_MODELS.find((model) => model.name === name.toLowerCase());
  if (known !== undefined) return known.repository;
  if (isRepository(name)) return name;
  if (/^[.~]|[\\]|^[A-Za-z]:|^\/|\/.*\/|\/$/.test(name)) {
    throw new UnavailableError(
      `--model ${name} looks like a path, and there is no such folder; expected one that holds tokenizer.json and onnx/model.onnx`,
    );
  }
  throw new UnavailableError(
    `--model ${name} is no model that this program knows: expected builtin, ${KNOWN_MODELS.map((model) => model.name).join(", ")}, ` +
      "owner/name of a hub, or a folder",
  );
}

function builtinModel(dtype: Dtype | "auto", maxLength: number | undefined): ModelSpec {
  if (dtype !== "auto" && dtype !== "fp32") {
    throw new UnavailableError(`the builtin model has no dtype ${dtype}, only fp32; leave --dtype out`);
  }
  if (maxLength !== undefined && maxLength > builtin.maxTokens) {
    throw new UnavailableError(`--max-length ${maxLength} is more than the builtin model takes: ${builtin.maxTokens}`);
  }
  return {
    name: "builtin",
    dtype: "fp32",
    pooling: "none",
    poolingSource: "part of the model",
    maxTokens: maxLength ?? builtin.maxTokens,
    threshold: builtin.threshold,
    thresholdSource: "measured on articles, reviews and perturbed titles; see README",
    fingerprint: `builtin ${builtin.version}`,
  };
}
