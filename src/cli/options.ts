import { parseEndpoint } from "../embed/endpoint/address.js";
import { UsageError } from "../errors.js";
import { parseLimit } from "../run/check/limit.js";
import type { EndpointChoice, SharedOptions } from "../run/options.js";
import { single } from "./command.js";
import { parseBytes, parseNumber } from "./parse.js";

/** The shared flags as yargs gives them. */
export interface SharedFlags {
  textField: readonly string[];
  idField?: string;
  vectorField?: string;
  out?: string;
  model?: string;
  device: string;
  dtype: string;
  maxLength?: string;
  long: string;
  batchTokens?: string;
  endpoint?: string;
  endpointModel?: string;
  concurrency?: string;
  memory: string;
  threads: string;
  seed: string;
  fresh: boolean;
  maxRejects?: string;
}

const COUNT = { min: 1, max: Number.MAX_SAFE_INTEGER, integer: true };

/**
 * Checks the shared flags and fills in what the environment says.
 * @throws UsageError naming the flag and what it expects
 */
export function sharedOptions(flags: SharedFlags, inputs: readonly string[], out: string): SharedOptions {
  const count = (flag: string, value: string | undefined) =>
    value === undefined ? undefined : parseNumber(flag, single(flag, value), COUNT);
  if (flags.textField.some((field) => field === ""))
    throw new UsageError("--text-field is empty; expected a column name");
  return {
    inputs,
    textFields: flags.textField,
    vectorField: vectorColumn(flags),
    idField: flags.idField,
    out: single("out", out),
    model:
      flags.endpoint === undefined ? single("model", flags.model ?? (process.env.BGE_MODEL || "builtin")) : "endpoint",
    endpoint: endpointChoice(flags),
    device: single("device", flags.device) as SharedOptions["device"],
    dtype: single("dtype", flags.dtype) as SharedOptions["dtype"],
    maxLength: count("max-length", flags.maxLength),
    long: single("long", flags.long) as SharedOptions["long"],
    batchTokens: count("batch-tokens", flags.batchTokens),
    memory: parseBytes("memory", single("memory", flags.memory)),
    threads: parseNumber("threads", single("threads", flags.threads), { min: 1, max: 1024, integer: true }),
    seed: parseNumber("seed", single("seed", flags.seed), { min: 0, max: 2 ** 32 - 1, integer: true }),
    fresh: flags.fresh,
    maxRejects:
      flags.maxRejects === undefined ? undefined : parseLimit("max-rejects", single("max-rejects", flags.maxRejects)),
  };
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
  return single("vector-field", vectorField);
}

/** The flags that choose a server, and those that exclude one. */
export type EndpointFlags = Pick<
  SharedFlags,
  "endpoint" | "endpointModel" | "concurrency" | "model" | "device" | "dtype" | "long" | "batchTokens" | "maxLength"
>;

/** Requests at once: enough to fill a GPU's batch while others are read and stored. */
const CONCURRENCY = 16;

/**
 * The server, where one is named.
 * @throws UsageError where a flag of it comes without it, or one that only a local model obeys comes with it
 */
export function endpointChoice(flags: EndpointFlags): EndpointChoice | undefined {
  const { endpoint, endpointModel, concurrency, device, dtype } = flags;
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
    long: flags.long === "truncate" ? undefined : flags.long,
  });
  for (const [flag, value] of given) {
    if (value !== undefined) throw new UsageError(`--${flag} has no effect on a server; leave it out with --endpoint`);
  }
  const address = parseEndpoint(single("endpoint", endpoint), process.env.BGE_API_KEY);
  return {
    url: address.shown,
    model: endpointModel === undefined ? undefined : single("endpoint-model", endpointModel),
    concurrency:
      concurrency === undefined
        ? CONCURRENCY
        : parseNumber("concurrency", single("concurrency", concurrency), { min: 1, max: 1024, integer: true }),
    address: () => address,
  };
}
