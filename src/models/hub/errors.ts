import { UnavailableError } from "../../errors.js";
import { HubAnswerError } from "./connection.js";
import type { HubSettings } from "./settings.js";

/** The three ways to go on without the hub. */
export const WAYS_OUT =
  "ways out: set HF_ENDPOINT to a mirror that can be reached, give --model a folder that holds the model's files, " +
  "or use --model builtin, which needs none";

/** Turns what went wrong with a hub or the cache into an error that says what to do. */
export function explain(error: unknown, repository: string, { endpoint, cache, token }: HubSettings): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const { message } = error as Error;
  if (error instanceof HubAnswerError) {
    const { status, code } = error;
    if (code === "GatedRepo" || status === 403) {
      return new UnavailableError(
        `model ${repository}: ${message}; it is only for accounts that were let in: accept its terms on its page at ` +
          "the hub and set HF_TOKEN to a token of that account",
      );
    }
    if (status === 401 && token !== undefined) {
      return new UnavailableError(
        `model ${repository}: ${message}; HF_TOKEN is not accepted; set it to a token that is valid, or unset it`,
      );
    }
    if (status === 401 || status === 404) {
      return new UnavailableError(
        `model ${repository}: ${message}; there is no such repository at ${endpoint}, or it is private ` +
          "(then set HF_TOKEN); bge-dedup models lists the known names",
      );
    }
  }
  return (
    explainDisk(error, cache) ??
    new UnavailableError(`model ${repository} is not cached in full and cannot be had: ${message}; ${WAYS_OUT}`)
  );
}

/** The same for a failure of the disk alone; undefined where it is none. */
export function explainDisk(error: unknown, cache: string): UnavailableError | undefined {
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  const ofDisk = /^(open|read|write|mkdir|rename|symlink|copyfile|ftruncate|fsync|statfs|unlink|rm)$/.test(
    syscall ?? "",
  );
  if (code === undefined || !ofDisk) return undefined;
  return new UnavailableError(
    `the model cache ${cache} cannot be written: ${message}; set HF_HOME to a folder that can be`,
  );
}
