import { UsageError } from "../errors.js";
import { parseLimit } from "../run/limit.js";
import type { SharedOptions } from "../run/options.js";
import { single } from "./command.js";
import { parseBytes, parseNumber } from "./parse.js";

/** The shared flags as yargs gives them. */
export interface SharedFlags {
  textField: readonly string[];
  idField?: string;
  out?: string;
  model?: string;
  device: string;
  dtype: string;
  maxLength?: string;
  batchTokens?: string;
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
    idField: flags.idField,
    out: single("out", out),
    model: single("model", flags.model ?? (process.env.BGE_MODEL || "builtin")),
    device: single("device", flags.device) as SharedOptions["device"],
    dtype: single("dtype", flags.dtype) as SharedOptions["dtype"],
    maxLength: count("max-length", flags.maxLength),
    batchTokens: count("batch-tokens", flags.batchTokens),
    memory: parseBytes("memory", single("memory", flags.memory)),
    threads: parseNumber("threads", single("threads", flags.threads), { min: 1, max: 1024, integer: true }),
    seed: parseNumber("seed", single("seed", flags.seed), { min: 0, max: 2 ** 32 - 1, integer: true }),
    fresh: flags.fresh,
    maxRejects:
      flags.maxRejects === undefined ? undefined : parseLimit("max-rejects", single("max-rejects", flags.maxRejects)),
  };
}
