import { setTimeout as sleep } from "node:timers/promises";
import { openNetwork } from "../../model/network.js";
import type { HubSettings } from "./settings.js";

/** The hub answered, but not with what was asked for. */
export class HubAnswerError extends Error {
  readonly status: number;
  /** The hub's own word for it, such as GatedRepo or RepoNotFound; empty where it gave none. */
  readonly code: string;
  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Nothing came back: no route, no name, no answer in time. */
export class HubUnreachableError extends Error {}

/** Requests to one hub: proxies, token, time limits and repetitions are in here, and nowhere else. */
export interface HubConnection {
  /** A `fetch` for small answers, read whole; throws for every status that is no success. */
  readonly fetchWhole: typeof fetch;
  /**
   * Opens a file from byte `from` on.
   * @param path of the address, from the endpoint's own
   * @returns the answer, 200 or 206, whose body the caller reads, and `abort`, which ends it
   */
  open(path: string, from: number): Promise<{ response: Response; abort: (reason: Error) => void }>;
  /** Takes out what must not be printed. */
  redact(text: string): string;
  /** Waits before the `attempt`-th repetition, counted from 0. */
  pause(attempt: number, asked?: number): Promise<void>;
}

/** Statuses that pass: too many requests, and a server or its gateway in trouble. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

/** How often a request is made where the hub answers with such a status. */
const TRIES_BUSY = 5;
/** How often where nothing answers: a run without a network must end within seconds. */
const TRIES_UNREACHABLE = 2;
/** Longest wait that a hub can ask for, in milliseconds. */
const LONGEST_WAIT = 60_000;
/** Largest answer that is read whole; listings are far smaller. */
const LARGEST_ANSWER = 32 * 2 ** 20;

/** The `fetch` to use: Node's own, or one that knows the proxies where there are any. */
async function chooseFetch({ proxy }: HubSettings): Promise<typeof fetch> {
  if (proxy === undefined) return fetch;
  try {
    return (await openNetwork({ connectMs: 10000, timeoutMs: 300000 }, proxy)).fetch;
  } catch (error) {
    throw new HubUnreachableError((error as Error).message);
  }
}

/** Why a request failed, in a few words, from the nested errors that fetch gives. */
function reasonOf(error: unknown): string {
  const { cause, errors, code, message } = error as Error & { errors?: unknown[]; code?: string };
  if (cause !== undefined) return reasonOf(cause);
  if (errors !== undefined && errors.length > 0) return reasonOf(errors[0]);
  const words: Record<string, string> = {
    ENOTFOUND: "its name is not known",
    EAI_AGAIN: "the name server does not answer",
    ECONNREFUSED: "the connection is refused",
    ECONNRESET: "the connection was reset",
    ENETUNREACH: "there is no route to it",
    EHOSTUNREACH: "there is no route to it",
  };
  return words[code ?? ""] ?? message ?? String(error);
}

/** Milliseconds that a Retry-After asks for, given as seconds or as a date. */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("retry-after");
  if (text === null) return undefined;
  const wait = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), LONGEST_WAIT) : undefined;
}

/** Opens the way to the hub of the settings; nothing is sent yet. */
export async function connectHub(settings: HubSettings, signal?: AbortSignal): Promise<HubConnection> {
  const { endpoint, token, patience, proxy } = settings;
  const { origin } = new URL(endpoint);
  const send = await chooseFetch(settings);
  const secrets = [token, ...[proxy?.http, proxy?.https].map((url) => url?.match(/\/\/([^/]*@)/)?.[1])];

  const redact = (text: string) => {
    let clean = text;
    for (const secret of secrets) if (secret) clean = clean.replaceAll(secret, "***");
    // Addresses of content networks are signed: who has one can read the file.
    return clean.replace(/(https?:\/\/[^\s?]*)\?\S*/g, "$1");
  };

  const pause = async (attempt: number, asked?: number) => {
    // Half of it is chance, so that jobs which failed together do not come back together.
    const wait = asked ?? Math.min(patience.backoff * 2 ** attempt * (0.5 + Math.random() / 2), LONGEST_WAIT);
    await sleep(wait, undefined, { signal });
  };

  // A hub that has answered once is there, and may take its time with a file that it has to look for.
  let reached = false;

  /** One request until its headers are there. */
  const once = async (url: string, init: RequestInit) => {
    const controller = new AbortController();
    const abort = (reason: Error) => controller.abort(reason);
    const limit = reached ? patience.stall : patience.answer;
    const timer = setTimeout(() => abort(new Error(`no answer within ${limit / 1000} s`)), limit);
    const headers = new Headers(init.headers);
    if (token !== undefined && new URL(url).origin === origin) headers.set("authorization", `Bearer ${token}`);
    try {
      const either = signal === undefined ? controller.signal : AbortSignal.any([signal, controller.signal]);
      const response = await send(url, { ...init, headers, signal: either });
      reached = true;
      return { response, abort };
    } catch (error) {
      signal?.throwIfAborted();
      const { host } = new URL(url);
      throw new HubUnreachableError(
        `${host} cannot be reached${proxy === undefined ? "" : " through the proxy"}: ${redact(reasonOf(error))}`,
      );
    } finally {
      clearTimeout(timer);
    }
  };

  /** A request repeated as often as it makes sense; the answer is a success. */
  const persistently = async (url: string, init: RequestInit, ask: typeof once) => {
    for (let attempt = 0; ; attempt++) {
      let asked: number | undefined;
      try {
        const answer = await ask(url, init);
        const { response } = answer;
        if (response.ok) return answer;
        asked = retryAfter(response);
        await response.body?.cancel();
        const code = response.headers.get("x-error-code") ?? "";
        const said = (response.headers.get("x-error-message") ?? "").slice(0, 200);
        throw new HubAnswerError(
          response.status,
          code,
          redact(`${new URL(url).host} answers ${response.status}${said === "" ? "" : `: ${said}`}`),
        );
      } catch (error) {
        const passing =
          error instanceof HubUnreachableError
            ? attempt + 1 < TRIES_UNREACHABLE
            : error instanceof HubAnswerError && PASSING.has(error.status) && attempt + 1 < TRIES_BUSY;
        if (!passing) throw error;
      }
      await pause(attempt, asked);
    }
  };

  /** One answer, read whole. */
  const readWhole = async (url: string, init: RequestInit) => {
    const answer = await once(url, init);
    if (!answer.response.ok) return answer;
    const { response, abort } = answer;
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of guardedBody(response, patience.stall, abort)) {
        chunks.push(chunk);
        size += chunk.length;
        if (size > LARGEST_ANSWER) throw new Error(`the answer has more than ${LARGEST_ANSWER} bytes`);
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw new HubUnreachableError(`${new URL(url).host} broke off its answer: ${redact(reasonOf(error))}`);
    }
    const headers = new Headers([...response.headers]);
    // The body has been unpacked.
    headers.delete("content-encoding");
    headers.delete("content-length");
    return { response: new Response(Buffer.concat(chunks), { status: response.status, headers }), abort };
  };

  return {
    fetchWhole: async (input: string | URL | Request, init: RequestInit = {}) =>
      (await persistently(input instanceof Request ? input.url : String(input), init, readWhole)).response,
    open: (path, from) =>
      persistently(
        `${endpoint}/${path}`,
        // Compressed on the way, its bytes could not be counted.
        { headers: { "accept-encoding": "identity", ...(from > 0 && { range: `bytes=${from}-` }) } },
        once,
      ),
    redact,
    pause,
  };
}

/**
 * The body of an answer; where no byte comes for `stall` milliseconds it is aborted.
 * @throws Error where it breaks off
 */
export async function* guardedBody(
  response: Response,
  stall: number,
  abort: (reason: Error) => void,
): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const timer = setTimeout(() => abort(new Error(`no data for ${stall / 1000} s`)), stall);
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
