import { UnavailableError } from "../errors.js";
import type { EndpointAddress } from "./endpoint-address.js";
import { answerText } from "./endpoint-answer.js";
import { type BackoffLimits, backoffMs, retryAfterMs } from "./endpoint-backoff.js";
import { createHttpClient, type HttpAnswer } from "./endpoint-http.js";

/** An answer that is whole but cannot be right, such as half a JSON text: worth another attempt. */
export class GarbledAnswerError extends Error {}

/** How long and how often a server is tried. */
export interface EndpointLimits extends BackoffLimits {
  /** A request without a byte for so long has failed. */
  readonly timeoutMs: number;
  /** The server is given up when nothing has succeeded for so long after the first failure. */
  readonly patienceMs: number;
  /** The same before its first answer, when a wrong address is likelier than a restart. */
  readonly firstContactMs: number;
  /** A request that fails so often while others succeed is given up, and the run with it. */
  readonly attempts: number;
}

/** Limits of a run. A large model takes minutes to load, and a long queue before a slow device is no failure. */
export const ENDPOINT_LIMITS: EndpointLimits = {
  firstMs: 500,
  longestMs: 15_000,
  timeoutMs: 300_000,
  patienceMs: 180_000,
  firstContactMs: 5000,
  attempts: 8,
};

/** The server may ask for waits of so many patiences in a row. */
const ASKED_PATIENCES = 5;

/** Statuses that pass: overloads, restarts, time-outs of proxies; 424 is a backend of TEI. */
const TRANSIENT = new Set([408, 424, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/** Errors of a certificate, which another attempt does not cure. */
const CERTIFICATE = /CERT|TLS|SSL|SIGNATURE/;

/** Requests to one server: bounded in number, repeated while that makes sense. */
export interface EndpointRequests {
  /**
   * Sends when there is room, and again after what passes: lost connections, `TRANSIENT` statuses, garbled answers. Every
   * other answer goes to `read`, whose result it returns.
   * @param body object to POST as JSON, made when its turn comes; GET without it
   * @throws UnavailableError where the server is given up, at once for every request under way
   */
  call<T>(request: { url: URL; body?: () => object; read: (answer: HttpAnswer) => T }): Promise<T>;
  /** Fails everything under way and every later call with this error. */
  fail(error: Error): void;
}

/**
 * @param concurrency most requests under way at once
 * @param note told when the server stops and resumes answering
 */
export function createEndpointRequests(options: {
  address: EndpointAddress;
  concurrency: number;
  limits: EndpointLimits;
  note: (message: string) => void;
}): EndpointRequests {
  const { address, concurrency, limits, note } = options;
  const http = createHttpClient({ connections: concurrency, timeoutMs: limits.timeoutMs });
  const headers = address.headers();
  let failure: Error | undefined;
  let running = 0;
  const waiting: (() => void)[] = [];
  const sleeping = new Set<() => void>();
  let answered = false;
  let lastSuccess = Number.NEGATIVE_INFINITY;
  /** Since when nothing has succeeded; absent while all is well. */
  let downSince: number | undefined;
  let noted = false;
  /** Until when the server asked to be left alone, and for how long in all since it went down. */
  let pausedUntil = 0;
  let asked = 0;

  const fail = (error: Error) => {
    if (failure !== undefined) return;
    failure = error;
    http.close();
    for (const wake of [...waiting.splice(0), ...sleeping]) wake();
  };
  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        sleeping.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      sleeping.add(wake);
    });
  const enter = async () => {
    if (running < concurrency) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  /** Hands the place to the request that waits longest. */
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  const succeeded = () => {
    lastSuccess = performance.now();
    if (noted) note(`${address.shown} answers again`);
    noted = false;
    downSince = undefined;
    asked = 0;
  };
  /** Keeps what an answer with Retry-After asks for; all requests obey it. */
  const pause = (ms: number) => {
    const until = performance.now() + ms;
    if (until <= pausedUntil) return;
    asked += until - Math.max(pausedUntil, performance.now());
    pausedUntil = until;
  };
  /** Wait before the next attempt, or throws where there should be none. */
  const delayAfter = (why: string, failures: number, firstFailure: number, retryAfter: number | undefined) => {
    const now = performance.now();
    downSince ??= now;
    if (retryAfter !== undefined) pause(retryAfter);
    else if (failures >= limits.attempts && lastSuccess > firstFailure) {
      throw new UnavailableError(
        `${address.shown} failed ${failures} times over the same request while it answered others: ${why}; see the server's log`,
      );
    }
    const delay = Math.max(backoffMs(failures, limits, Math.random()), pausedUntil - now);
    const patience = answered ? limits.patienceMs : limits.firstContactMs;
    if (now + delay - downSince > patience + Math.min(asked, ASKED_PATIENCES * patience)) {
      const tried = Math.round((now - downSince) / 1000);
      const wait = retryAfter === undefined ? "" : `, and asks to wait ${Math.round(retryAfter / 1000)} s`;
      throw new UnavailableError(
        `${address.shown} cannot be reached or does not work: ${why}${wait} (tried for ${tried} s); ` +
          "start the server or correct --endpoint, then run the same command again: it resumes where it stopped",
      );
    }
    if (!noted && answered) note(`${address.shown} does not answer (${why}); trying for ${Math.round(patience / 1000)} s`);
    noted ||= answered;
    return delay;
  };

  const attempt = async <T>(url: URL, body: string | undefined, read: (answer: HttpAnswer) => T) => {
    try {
      const answer = await http.send({ url, headers, body });
      answered = true;
      if (TRANSIENT.has(answer.status)) {
        const why = address.redact(`status ${answer.status} ${answerText(answer.body)}`.trim());
        return { why, retryAfter: retryAfterMs(answer.headers["retry-after"], Date.now()) };
      }
      const value = read(answer);
      succeeded();
      return { value };
    } catch (error) {
      if (failure !== undefined) throw failure;
      if (error instanceof GarbledAnswerError) return { why: address.redact(error.message) };
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      const why = address.redact(message === "" ? code : message);
      if (!CERTIFICATE.test(code)) return { why };
      throw new UnavailableError(
        `${address.shown} has a certificate that is not trusted: ${why}; name its authority in NODE_EXTRA_CA_CERTS`,
      );
    }
  };
  return {
    async call({ url, body, read }) {
      await enter();
      try {
        if (failure !== undefined) throw failure;
        const text = body === undefined ? undefined : JSON.stringify(body());
        let firstFailure = 0;
        for (let failures = 0; ; ) {
          while (failure === undefined && performance.now() < pausedUntil) await sleep(pausedUntil - performance.now());
          if (failure !== undefined) throw failure;
          const result = await attempt(url, text, read);
          if ("value" in result) return result.value as ReturnType<typeof read>;
          if (failures++ === 0) firstFailure = performance.now();
          await sleep(delayAfter(result.why, failures, firstFailure, result.retryAfter));
        }
      } catch (error) {
        fail(error as Error);
        throw failure ?? error;
      } finally {
        leave();
      }
    },
    fail,
  };
}
