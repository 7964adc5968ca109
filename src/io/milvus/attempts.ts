import { setTimeout as sleep } from "node:timers/promises";
import type { MilvusAddress } from "./address.js";
import { asError, DEADLINE, failure, passes, reasonOf } from "./failures.js";

/** How long a server may be silent, in milliseconds. */
export interface Patience {
  /** Until it answers for the first time. */
  readonly first: number;
  /** While a request is repeated, once it has answered. */
  readonly later: number;
  /** For one answer. */
  readonly answer: number;
}

/** Unless a caller says otherwise. */
export const PATIENCE: Patience = { first: 10_000, later: 120_000, answer: 60_000 };
/** Milliseconds before a request is repeated for the first time. */
const SHORTEST_WAIT = 200;
/** Most milliseconds before a request is repeated, or a connection is tried again. */
export const LONGEST_WAIT = 5000;

/** Sends a request, again and again while its failure may pass. */
export type Attempt = <T>(doing: string, send: () => Promise<T>, limit?: number) => Promise<T>;

/**
 * Makes the function that sends every request to a server.
 * @param options.note told when a request has to wait for the server
 */
export function createAttempts(options: {
  readonly address: MilvusAddress;
  readonly note: (message: string) => void;
  readonly patience: Patience;
  readonly signal?: AbortSignal;
}): Attempt {
  const { address, note, patience, signal } = options;
  return async function attempt<T>(doing: string, send: () => Promise<T>, limit = patience.later): Promise<T> {
    const began = performance.now();
    let first: unknown;
    for (let wait = SHORTEST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
      signal?.throwIfAborted();
      try {
        return await answerWithin(send(), patience.answer, signal);
      } catch (thrown) {
        if (signal?.aborted) throw signal.reason;
        const error = asError(thrown);
        if (!passes(error)) throw failure(error, doing, address);
        // Between two attempts to connect gRPC fails a request without a reason.
        first ??= error;
        if (performance.now() - began + wait > limit) throw failure(first, doing, address);
        if (wait === 4 * SHORTEST_WAIT) note(`waiting for Milvus at ${address.shown}: ${reasonOf(first)}`);
      }
      await sleep(wait, undefined, { signal }).catch(() => {});
    }
  };
}

/**
 * Waits for an answer, but no longer than the signal and the limit allow. The timer also keeps the process alive: those of
 * gRPC do not, so a program would end in silence while it waits for a server that accepts connections and says nothing.
 */
async function answerWithin<T>(promise: Promise<T>, limit: number, signal: AbortSignal | undefined): Promise<T> {
  let end = () => {};
  const ended = new Promise<never>((_, reject) => {
    const abort = () => reject(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    const late = () => reject({ code: DEADLINE, details: `no answer within ${limit / 1000} s` });
    // gRPC says more than this timer, so gRPC comes first.
    const timer = setTimeout(late, limit + 500);
    end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    };
  });
  try {
    return await Promise.race([promise, ended]);
  } finally {
    end();
  }
}
