import { UnavailableError } from "../errors.js";
import type { Pooling } from "../onnx/pooling.js";
import { readJson } from "./folder-json.js";

/**
 * Pooling by the names of `pooling_mode` in sentence-transformers 5.4 and later, and of the flags `pooling_mode_*` in
 * earlier versions. A sum divided by the root of the length has the direction of the mean.
 */
const MODES: ReadonlyMap<string, Pooling> = new Map([
  ["cls", "cls"],
  ["cls_token", "cls"],
  ["mean", "mean"],
  ["mean_tokens", "mean"],
  ["mean_sqrt_len_tokens", "mean"],
]);

/** Layers of modules.json that this program provides: vectors of tokens, pooling, and scaling to length 1. */
const PLAIN_LAYERS = new Set(["Transformer", "StaticEmbedding", "Pooling", "Normalize"]);

/**
 * Finds the pooling of a model folder, as sentence-transformers writes it to modules.json and 1_Pooling/config.json.
 * Without these files, BGE folders pool by CLS and others by mean.
 * @returns the pooling and where it was read. `none` if layers follow the pooling: then the ONNX file must contain them
 * and return one vector for each text.
 * @throws UnavailableError if the mode is unknown or not a single one
 */
export async function readPooling(folder: string, name: string): Promise<{ pooling: Pooling; source: string }> {
  const modules = (await readJson<object>(folder, "modules.json")) ?? [];
  const layers = Array.isArray(modules) ? (modules as ({ type?: unknown; path?: unknown } | null)[]) : [];
  // Only the class name counts, because modules have moved from sentence_transformers.models to other places.
  const further = layers.find((layer) => !PLAIN_LAYERS.has(String(layer?.type).split(".").at(-1) as string));
  if (further !== undefined) {
    return { pooling: "none", source: `modules.json: layer ${further?.path} is left to the ONNX file` };
  }
  const source = "1_Pooling/config.json";
  const config = await readJson<Record<string, unknown>>(folder, source);
  if (config === undefined) {
    return /bge/i.test(name)
      ? { pooling: "cls", source: `no ${source}: cls, as every BGE model` }
      : { pooling: "mean", source: `no ${source}: mean, the default of sentence-transformers` };
  }
  const modes = poolingModes(config);
  const pooling = modes.length === 1 ? MODES.get(modes[0]) : undefined;
  if (pooling !== undefined) return { pooling, source };
  throw new UnavailableError(
    `model folder ${folder} pools by ${modes.join(" and ") || "no known mode"} (${source}); expected cls or mean`,
  );
}

function poolingModes(config: Record<string, unknown>): string[] {
  const { pooling_mode: mode } = config;
  if (mode !== undefined) return [mode].flat().map(String);
  const prefix = "pooling_mode_";
  return Object.keys(config)
    .filter((key) => key.startsWith(prefix) && config[key] === true)
    .map((key) => key.slice(prefix.length));
}
