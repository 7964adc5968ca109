import { setTimeout as sleep } from "node:timers/promises";
import { UnavailableError } from "../../errors.js";
import { backoffMs, type Network, openNetwork, retryAfterMs } from "../../network.js";
import type { HubSettings } from "./settings.js";

/** The hub answered with an error. */
export class HubAnswerError extends Error {
  readonly status: number;
  /** The hub's own code, such as GatedRepo or RepoNotFound; empty if the hub gave none. */
  readonly code: string;
  readonly retryAfterMs?: number;
  constructor({ status, headers }: Response, message: string) {
    super(message);
    this.status = status;
    this.code = headers.get("x-error-code") ?? "";
    this.retryAfterMs = retryAfterMs(headers.get("retry-after"));
  }
}

/** The hub did not answer: no route, an unknown name, or no answer in time. */
export class HubUnreachableError extends Error {}

/** An answer began and ended early. */
export class BrokenOffError extends HubUnreachableError {}

/** A file of the hub, or the end of a file. */
export interface HubFileAnswer {
  /** 206 if only the requested end of the file follows. */
  readonly status: number;
  /** The content-range; null if the whole file follows. */
  readonly range: string | null;
  /** @throws BrokenOffError if the bytes end early or none arrives for `stall` milliseconds */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Requests to one hub. Proxies, token, time limits and repetitions are handled here and nowhere else. */
export interface HubConnection {
  /** A `fetch` for small answers, which are read whole. Rejects for every status that is not a success. */
  readonly fetchWhole: typeof fetch;
  /** Opens a file, given by its path below the endpoint, from byte `from` on. */
  open(path: string, from: number): Promise<HubFileAnswer>;
  /**
   * Waits before the next attempt.
   * @param failures number of failed attempts so far, at least 1
   * @param askedMs milliseconds that the hub asks to wait
   */
  pause(failures: number, askedMs?: number): Promise<void>;
}

/** Statuses of troubles that pass: too many requests, and failures of a server or its gateway. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** Most attempts of a request that the hub answers with such a status. */
const TRIES_BUSY = 5;
/** Most attempts of a request that nothing answers. A run without a network must end within seconds. */
const TRIES_UNREACHABLE = 2;
/** Longest wait that a hub can ask for, in milliseconds. */
const LONGEST_WAIT = 60_000;
/** Largest answer that is read whole, in bytes. Listings are far smaller. */
const LARGEST_ANSWER = 32 * 2 ** 20;

/** Messages for error codes of the system and of undici. */
const WORDS: Readonly<Record<string, string>> = {
  ENOTFOUND: "its name is not known",
  EAI_AGAIN: "the name server does not answer",
  ECONNREFUSED: "the connection is refused",
  ECONNRESET: "the connection was reset",
  ENETUNREACH: "there is no route to it",
  EHOSTUNREACH: "there is no route to it",
  UND_ERR_BODY_TIMEOUT: "no more data came in time",
  UND_ERR_RES_EXCEEDED_MAX_SIZE: `the answer has more than ${LARGEST_ANSWER} bytes`,
};

/** A short reason for a failed request, taken from the nested errors of fetch. */
function reasonOf(error: unknown): string {
  const { cause, errors, code, message } = error as Error & { errors?: unknown[]; code?: string };
  if (cause !== undefined) return reasonOf(cause);
  if (errors !== undefined && errors.length > 0) return reasonOf(errors[0]);
  return WORDS[code ?? ""] ?? message ?? String(error);
}

/** What a token may consist of. Any other character would make an error that shows the token. */
const TOKEN = /^[\x21-\x7e]+$/;

/**
 * Prepares the requests to the hub of the settings; nothing is sent yet.
 * @throws HubUnreachableError if a proxy is not an address; UnavailableError if the token cannot be one
 */
export async function connectHub(settings: HubSettings, signal?: AbortSignal): Promise<HubConnection> {
  const { endpoint, token, tokenFile, patience, proxy } = settings;
  if (token !== undefined && !TOKEN.test(token)) {
    const cure = tokenFile === undefined ? "set it anew" : "log in anew";
    throw new UnavailableError(
      `${tokenFile ?? "HF_TOKEN"} holds characters that no token has (blanks or beyond ASCII); ${cure}`,
    );
  }
  const { origin } = new URL(endpoint);
  const secrets = [token, ...[proxy?.http, proxy?.https].map((url) => url?.match(/\/\/([^/]*@)/)?.[1])];
  const limits = { connectMs: patience.stall, timeoutMs: patience.stall };
  const open = (largestAnswer?: number) =>
    openNetwork({ ...limits, largestAnswer }, proxy).catch(({ message }: Error) => {
      throw new HubUnreachableError(message);
    });
  const [files, listings] = [await open(), await open(LARGEST_ANSWER)];

  /** Removes what must not be printed: secrets, and the signatures in addresses of content networks. */
  const redact = (text: string) => {
    let clean = text;
    for (const secret of secrets) if (secret) clean = clean.replaceAll(secret, "***");
    return clean.replace(/(https?:\/\/[^\s?]*)\?\S*/g, "$1");
  };
  const pause = async (failures: number, askedMs?: number) => {
    const wait = askedMs ?? backoffMs(failures, { firstMs: patience.backoff, longestMs: LONGEST_WAIT });
    await sleep(Math.min(wait, LONGEST_WAIT), undefined, { signal });
  };
  const brokenOff = (url: string, error: unknown) => {
    signal?.throwIfAborted();
    return new BrokenOffError(`${new URL(url).host} broke off its answer: ${redact(reasonOf(error))}`);
  };

  // A hub that has answered once is reachable and may take longer for a file that it must look for.
  let reached = false;

  /** Sends one request and waits for the headers of a successful answer. */
  const once = async (network: Network, url: string, init: RequestInit): Promise<Response> => {
    const { host, origin: asked } = new URL(url);
    const late = new AbortController();
    const limit = reached ? patience.stall : patience.answer;
    const timer = setTimeout(() => late.abort(new Error(`no answer within ${limit / 1000} s`)), limit);
    const headers = new Headers(init.headers);
    if (token !== undefined && asked === origin) headers.set("authorization", `Bearer ${token}`);
    const either = signal === undefined ? late.signal : AbortSignal.any([signal, late.signal]);
    const response = await network
      .fetch(url, { ...init, headers, signal: either })
      .catch((error) => {
        signal?.throwIfAborted();
        const way = proxy === undefined ? "" : " through the proxy";
        throw new HubUnreachableError(`${host} cannot be reached${way}: ${redact(reasonOf(error))}`);
      })
      .finally(() => clearTimeout(timer));
    reached = true;
    if (response.ok) return response;
    await response.body?.cancel();
    const said = (response.headers.get("x-error-message") ?? "").slice(0, 200);
    throw new HubAnswerError(response, redact(`${host} answers ${response.status}${said && `: ${said}`}`));
  };

  /** Repeats a request as often as that makes sense. */
  const persistently = async (ask: () => Promise<Response>): Promise<Response> => {
    for (let failures = 1; ; failures++) {
      try {
        return await ask();
      } catch (error) {
        const answered = error instanceof HubAnswerError ? error : undefined;
        const busy = answered !== undefined && PASSING.has(answered.status);
        const tries = busy ? TRIES_BUSY : error instanceof HubUnreachableError ? TRIES_UNREACHABLE : 1;
        if (failures >= tries) throw error;
        await pause(failures, answered?.retryAfterMs);
      }
    }
  };

  return {
    fetchWhole: (input: string | URL | Request, init: RequestInit = {}) =>
      persistently(async () => {
        const url = input instanceof Request ? input.url : String(input);
        const response = await once(listings, url, init);
        const body = await response.arrayBuffer().catch((error) => {
          throw brokenOff(url, error);
        });
        return new Response(body, response);
      }),
    async open(path, from) {
      const url = `${endpoint}/${path}`;
      // The bytes of a compressed answer could not be counted.
      const headers = { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) };
      const { status, body, headers: answered } = await persistently(() => once(files, url, { headers }));
      async function* received(): AsyncGenerator<Uint8Array> {
        try {
          yield* (body ?? []) as AsyncIterable<Uint8Array>;
        } catch (error) {
          throw brokenOff(url, error);
        }
      }
      return { status, range: answered.get("content-range"), body: received() };
    },
    pause,
  };
}

/** The three ways to continue without the hub. */
export const WAYS_OUT =
  "ways out: set HF_ENDPOINT to a mirror that can be reached, give --model a folder that holds the model's files, " +
  "or use --model builtin, which needs none";

/** Turns an error of the hub or of the cache into an error that tells the user what to do. */
export function explain(error: unknown, repository: string, settings: HubSettings): UnavailableError {
  if (error instanceof UnavailableError) return error;
  const { endpoint, cache, token, tokenFile } = settings;
  const { message } = error as Error;
  const failed = (cure: string) => new UnavailableError(`model ${repository}: ${message}; ${cure}`);
  if (error instanceof HubAnswerError) {
    const { status, code } = error;
    if (code === "GatedRepo" || status === 403) {
      return failed(
        "it is only for accounts that were let in: accept its terms on its page at the hub and set HF_TOKEN to a token of that account",
      );
    }
    if (status === 401 && token !== undefined) {
      return failed(
        tokenFile === undefined
          ? "HF_TOKEN (or HUGGING_FACE_HUB_TOKEN) is not accepted; set it to a token that is valid, or unset it"
          : `the token in ${tokenFile} is not accepted; log in anew, or set HF_TOKEN to a token that is valid`,
      );
    }
    if (status === 401 || status === 404) {
      return failed(
        `there is no such repository at ${endpoint}, or it is private (then set HF_TOKEN); bge-dedup models lists the known names`,
      );
    }
  }
  return (
    explainDisk(error, cache) ??
    new UnavailableError(`model ${repository} is not cached in full and cannot be had: ${message}; ${WAYS_OUT}`)
  );
}

/** Does the same for an error of the disk; undefined for any other error. */
export function explainDisk(error: unknown, cache: string): UnavailableError | undefined {
  const { code, syscall = "", message } = error as NodeJS.ErrnoException;
  const ofDisk = /^(open|read|write|mkdir|rename|symlink|copyfile|ftruncate|fsync|statfs|unlink|rm)$/.test(syscall);
  if (code === undefined || !ofDisk) return undefined;
  return new UnavailableError(
    `the model cache ${cache} cannot be written: ${message}; set HF_HOME to a folder that can be`,
  );
}
