import { availableParallelism } from "node:os";
import { type CachePlace, cachePlace } from "../../cache/place.js";
import { parseEndpoint } from "../../embed/endpoint/address.js";
import { UsageError } from "../../errors.js";
import { INPUT_FORMATS } from "../../io/input-format.js";
import { closest } from "../../text/closest.js";
import { parseLimit } from "../check/limit.js";
import { type EndpointChoice, type SharedOptions, TEXT_FIELD } from "../options.js";
import { chosen, parseBytes, parseNumber, parseSize, single, textOf, textsOf, type Value } from "./parse.js";

/** Values of `--input-format`. */
export const FORMATS_OF_INPUT = ["auto", ...INPUT_FORMATS] as const;
/** Values of `--device`. */
export const DEVICES = ["auto", "cpu", "cuda", "webgpu", "dml", "coreml"] as const;
/** Values of `--dtype`. */
export const DTYPES = ["auto", "fp32", "fp16", "int8"] as const;
/** Values of `--long`. */
export const LONG = ["truncate", "mean"] as const;

/** The flags that both commands have, as a person or a program gives them. */
export interface SharedFlags {
  /** Column or path of the text, as `messages[].content`; several are joined by a newline (text). */
  readonly textField?: string | readonly string[];
  /** Format of all inputs: auto, jsonl, json, csv, tsv, parquet or arrow (auto: by their content). */
  readonly inputFormat?: string;
  /** Delimiter of CSV: one character (found by the header). */
  readonly delimiter?: string;
  /** Column that takes the path of a row's input. */
  readonly sourceField?: string;
  /** Column that identifies a row to a person; carried as it is. */
  readonly idField?: string;
  /** List column of vectors that are used in place of a model's. */
  readonly vectorField?: string;
  /** Output folder (bge-out). */
  readonly out?: string;
  /** builtin, a known name, owner/name of a hub, or a model folder (the environment's BGE_MODEL, else builtin). */
  readonly model?: string;
  /** Where the model runs: auto, cpu, cuda, webgpu, dml or coreml (auto). */
  readonly device?: string;
  /** Which ONNX file of the model is used: auto, fp32, fp16 or int8 (auto). */
  readonly dtype?: string;
  /** Tokens of the longest text (the model's limit). */
  readonly maxLength?: Value;
  /** Longer texts are cut (truncate), or averaged by windows (mean). */
  readonly long?: string;
  /** Padded tokens of a batch (chosen by device). */
  readonly batchTokens?: Value;
  /** URL of an OpenAI-compatible server that embeds in place of a model; its key is the environment's BGE_API_KEY. */
  readonly endpoint?: string;
  /** Which of the server's models (the only one). */
  readonly endpointModel?: string;
  /** Requests to the server at once (16). */
  readonly concurrency?: Value;
  /** Ceiling of the process's resident memory, in bytes or as "4GB" (4GB). */
  readonly memory?: Value;
  /** Threads for the numeric work (all cores). */
  readonly threads?: Value;
  /** Seed of everything random (0). */
  readonly seed?: Value;
  /** Starts over in place of continuing an interrupted run (false). */
  readonly fresh?: boolean;
  /** Bad records, a count or a share, beyond which nothing is published. */
  readonly maxRejects?: Value;
  /**
   * Where vectors are remembered between runs: auto, none, a folder, or redis://HOST:PORT/DB (the environment's
   * BGE_CACHE, else auto: the user's cache folder, for all but the builtin model).
   */
  readonly cache?: string;
}

/** Every name of `SharedFlags`. */
export const SHARED_NAMES = [
  ...[
    "inputFormat",
    "delimiter",
    "sourceField",
    "textField",
    "idField",
    "vectorField",
    "out",
    "model",
    "device",
    "dtype",
    "maxLength",
    "long",
    "batchTokens",
  ],
  ...["endpoint", "endpointModel", "concurrency", "memory", "threads", "seed", "fresh", "maxRejects", "cache"],
];

/**
 * Refuses unknown options. A program without type checks could mistype an option, which would then have no effect.
 * @throws UsageError naming an option that is unknown and the one that was probably meant
 */
export function requireKnown(options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const meant = closest(unknown, names);
  const cure = meant === undefined ? `expected one of ${names.join(", ")}` : `did you mean ${meant}?`;
  throw new UsageError(`option ${unknown} is unknown; ${cure}`);
}

const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };

/**
 * Checks the shared flags and fills in the defaults, some of them from the environment.
 * @throws UsageError naming the flag and what it expects
 */
export function sharedOptions(flags: SharedFlags, inputs: readonly string[], out: string): SharedOptions {
  const count = (flag: string, value: Value | undefined) =>
    value === undefined ? undefined : parseNumber(flag, single(flag, value), COUNT);
  const { device = "auto", dtype = "auto", long = "truncate", maxRejects } = flags;
  return {
    inputs,
    textFields: textsOf("text-field", flags.textField ?? TEXT_FIELD),
    ...inputChoices(flags),
    vectorField: vectorColumn(flags),
    idField: flags.idField === undefined ? undefined : textOf("id-field", flags.idField),
    out: textOf("out", out),
    model: flags.endpoint === undefined ? modelName(flags.model) : "endpoint",
    endpoint: endpointChoice(flags),
    device: chosen("device", device, DEVICES),
    dtype: chosen("dtype", dtype, DTYPES),
    maxLength: count("max-length", flags.maxLength),
    long: chosen("long", long, LONG),
    batchTokens: count("batch-tokens", flags.batchTokens),
    memory: memoryOf(flags.memory),
    threads: threadsOf(flags.threads),
    seed: parseNumber("seed", single("seed", flags.seed ?? 0), { min: 0, max: 2 ** 32 - 1, integer: true }),
    fresh: flags.fresh ?? false,
    maxRejects: maxRejects === undefined ? undefined : parseLimit("max-rejects", single("max-rejects", maxRejects)),
    cache: cacheChoice(flags.cache),
  };
}

/** The cache of `--cache`, and its size from the environment's BGE_CACHE_MAX. */
function cacheChoice(cache: string | undefined): CachePlace {
  const place = cachePlace(cache === undefined ? undefined : textOf("cache", cache));
  const max = process.env.BGE_CACHE_MAX;
  if (place.kind !== "embedded" || max === undefined || max === "") return place;
  return { ...place, maxBytes: parseSize("cache: BGE_CACHE_MAX", max) };
}

/** How the inputs are to be read. */
function inputChoices({ inputFormat = "auto", delimiter, sourceField }: SharedFlags) {
  const format = chosen("input-format", inputFormat, FORMATS_OF_INPUT);
  return {
    inputFormat: format === "auto" ? undefined : format,
    delimiter: delimiter === undefined ? undefined : delimiterOf(textOf("delimiter", delimiter)),
    sourceField: sourceField === undefined ? undefined : textOf("source-field", sourceField),
  };
}

/** The character of `--delimiter`; a tab may be written as in a program. */
function delimiterOf(text: string): string {
  const delimiter = text === "\\t" ? "\t" : text;
  if (/^[\t -!#-~]$/.test(delimiter)) return delimiter;
  throw new UsageError(
    `--delimiter ${JSON.stringify(text)} is not one ASCII character other than a quote, such as ; or \\t`,
  );
}

/**
 * The inputs of a run, as a command line or a program names them.
 * @throws UsageError where there are none, or one is no path
 */
export function inputsOf(inputs: string | readonly string[] | undefined): readonly string[] {
  const paths = [inputs ?? []].flat();
  if (paths.length === 0) throw new UsageError('no input; name files, folders or globs, or "-" for standard input');
  const wrong = paths.find((path) => typeof path !== "string" || path === "");
  if (wrong !== undefined) throw new UsageError(`input ${JSON.stringify(wrong)} is no path; expected a string`);
  return paths;
}

/** The model of `--model`, else of the environment's BGE_MODEL, else the builtin model. */
export function modelName(model: string | undefined): string {
  return textOf("model", model ?? (process.env.BGE_MODEL || "builtin"));
}

/** `--memory` in bytes. */
export function memoryOf(memory: Value = "4GB"): number {
  return parseBytes("memory", single("memory", memory));
}

/** The number of `--threads`, 1 to 1024 (all cores). */
export function threadsOf(threads: Value = availableParallelism()): number {
  return parseNumber("threads", single("threads", threads), { min: 1, max: 1024, integer: true });
}

/**
 * The column of vectors, where one is named.
 * @throws UsageError where a flag asks for a model as well
 */
function vectorColumn({ vectorField, model, endpoint }: SharedFlags): string | undefined {
  if (vectorField === undefined) return undefined;
  if (model !== undefined || endpoint !== undefined) {
    throw new UsageError(
      `--vector-field takes the place of a model; leave out --${model === undefined ? "endpoint" : "model"}`,
    );
  }
  return textOf("vector-field", vectorField);
}

/** The flags that choose a server, and those that exclude one. */
export type EndpointFlags = Pick<
  SharedFlags,
  "endpoint" | "endpointModel" | "concurrency" | "model" | "device" | "dtype" | "long" | "batchTokens" | "maxLength"
>;

/** Requests at once: enough to fill a GPU's batch while earlier answers are read and stored. */
const CONCURRENCY = 16;

/**
 * The server, where one is named.
 * @throws UsageError for a flag of the server without `--endpoint`, or a flag of local models beside `--endpoint`
 */
export function endpointChoice(flags: EndpointFlags): EndpointChoice | undefined {
  const { endpoint, endpointModel, concurrency, device = "auto", dtype = "auto", long = "truncate" } = flags;
  if (endpoint === undefined) {
    if (endpointModel !== undefined) throw new UsageError("--endpoint-model needs --endpoint, the server's URL");
    if (concurrency !== undefined) throw new UsageError("--concurrency needs --endpoint, the server's URL");
    return undefined;
  }
  if (flags.model !== undefined) {
    throw new UsageError("--model and --endpoint exclude each other; --endpoint-model names a model of the server");
  }
  const local = { "batch-tokens": flags.batchTokens, "max-length": flags.maxLength };
  const given = Object.entries({
    ...local,
    device: device === "auto" ? undefined : device,
    dtype: dtype === "auto" ? undefined : dtype,
    long: long === "truncate" ? undefined : long,
  });
  for (const [flag, value] of given) {
    if (value !== undefined) throw new UsageError(`--${flag} has no effect on a server; leave it out with --endpoint`);
  }
  const address = parseEndpoint(textOf("endpoint", endpoint), process.env.BGE_API_KEY);
  return {
    url: address.shown,
    model: endpointModel === undefined ? undefined : textOf("endpoint-model", endpointModel),
    concurrency:
      concurrency === undefined
        ? CONCURRENCY
        : parseNumber("concurrency", single("concurrency", concurrency), { min: 1, max: 1024, integer: true }),
    address: () => address,
  };
}
