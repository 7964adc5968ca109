/*
 * Connections, proxies, time limits and the largest answer are undici's (7.30.2); repetitions are own code. undici's retries
 * fail 13 of the 62 tests of an endpoint: they know one request and not the server (a Retry-After for all, an outage with its
 * end), repeat before the body is read (a server's words, a refused length under status 500) and take half a JSON text for an
 * answer. With `interceptors.responseError` before them 52 fail, since a 404 of `/health` is an error there.
 */
import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { UnavailableError } from "../../errors.js";
import { type ProxySettings, retryAfterMs } from "../../network.js";
import type { EndpointAddress } from "./address.js";
import { answerText, GarbledAnswerError, refusesSize } from "./answer.js";
import { createHttpClient, type HttpAnswer, isLoopback } from "./http.js";
import { type EndpointLimits, type Failure, trackOutage } from "./outage.js";

/** Statuses that pass: overloads, restarts, time-outs of proxies; 424 is a backend of TEI. */
const TRANSIENT = new Set([408, 424, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/** Until a connection stands; a server that swallows packets is given up after two of these. */
const CONNECT_MS = 5000;

/** Codes where the other side does not speak TLS, by version of Node. */
const NO_TLS = /EPROTO|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/;

/** Codes of a certificate's errors, which another attempt does not cure. */
const CERTIFICATE = /CERT|TLS|SSL|SIGNATURE/;

/** A request and what becomes of its answer. */
export interface EndpointCall<T> {
  readonly url: URL;
  /** Object to POST as JSON, made when its turn comes; a GET without it. */
  readonly body?: () => object;
  /** Reads every answer that is not `TRANSIENT`; may throw GarbledAnswerError for another attempt. */
  readonly read: (answer: HttpAnswer) => T;
  /** Which of the `TRANSIENT` statuses `read` is given too, instead of another attempt; none where absent. */
  readonly takes?: (status: number) => boolean;
}

/** Requests to one server: bounded in number, repeated while that makes sense. */
export interface EndpointRequests {
  /**
   * Sends when there is room, and again after what passes: lost connections, `TRANSIENT` statuses, garbled answers. A
   * request keeps its place while it waits for another attempt, so that a troubled server gets fewer of them.
   * @throws UnavailableError where the server is given up; that fails everything else under way as well
   */
  call<T>(call: EndpointCall<T>): Promise<T>;
  /** Fails everything under way and every later call with this error. */
  fail(error: Error): void;
}

/**
 * @param options.known whether the server has answered before, so that it is waited for where it is gone
 * @param options.concurrency most requests under way at once
 * @param options.note told when the server stops and when it resumes answering
 * @param options.proxy the way there, but for this machine; straight where absent
 */
export function createEndpointRequests(options: {
  address: EndpointAddress;
  known: boolean;
  concurrency: number;
  limits: EndpointLimits;
  note: (message: string) => void;
  proxy?: ProxySettings;
}): EndpointRequests {
  const { address, known, concurrency, limits, note, proxy } = options;
  const bounds = { connections: concurrency, connectMs: CONNECT_MS, timeoutMs: limits.timeoutMs };
  const http = createHttpClient(bounds, isLoopback(new URL(address.shown).hostname) ? undefined : proxy);
  const outage = trackOutage({ shown: address.shown, known, limits, note });
  const headers = address.headers();
  /** Aborted with what everything fails with. */
  const ending = new AbortController();
  const { signal: ended } = ending;
  setMaxListeners(0, ended);
  let running = 0;
  const waiting: (() => void)[] = [];

  const fail = (error: Error) => {
    if (ended.aborted) return;
    ending.abort(error);
    http.close();
    for (const wake of waiting.splice(0)) wake();
  };
  const sleep = (ms: number) => setTimeout(ms, undefined, { signal: ended });
  const enter = async () => {
    if (running < concurrency) running++;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  /** Hands the place to the request that has waited longest. */
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };

  const attempt = async <T>({ url, read, takes }: EndpointCall<T>, body?: string): Promise<{ value: T } | Failure> => {
    try {
      const answer = await http.send({ url, headers, body });
      outage.answered();
      if (TRANSIENT.has(answer.status) && !takes?.(answer.status) && !refusesSize(answer)) {
        return {
          why: address.redact(`status ${answer.status} ${answerText(answer.body)}`.trim()),
          retryAfterMs: retryAfterMs(answer.headers["retry-after"]),
        };
      }
      const value = read(answer);
      outage.over();
      return { value };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const passes = error instanceof GarbledAnswerError || code !== undefined;
      if (ended.aborted || !passes) throw error;
      // Where a host has several addresses the message is empty and the code says it all.
      const why = address.redact(message || (code as string));
      if (NO_TLS.test(code ?? "")) {
        throw new UnavailableError(`${address.shown} does not speak TLS; try http:// in place of https://`);
      }
      if (!CERTIFICATE.test(code ?? "")) return { why };
      throw new UnavailableError(
        `${address.shown} has a certificate that is not trusted: ${why}; name its authority in NODE_EXTRA_CA_CERTS`,
      );
    }
  };
  return {
    async call(call) {
      await enter();
      try {
        const body = call.body === undefined ? undefined : JSON.stringify(call.body());
        let outlived = 0;
        let lastFailure = Number.POSITIVE_INFINITY;
        for (let failures = 0; ; ) {
          for (let pause = outage.pauseMs(); pause > 0; pause = outage.pauseMs()) await sleep(pause);
          ended.throwIfAborted();
          const result = await attempt(call, body);
          if ("value" in result) return result.value;
          failures++;
          if (outage.lastSuccess() > lastFailure) outlived++;
          lastFailure = performance.now();
          await sleep(outage.delayMs(result, failures, outlived));
        }
      } catch (error) {
        fail(error as Error);
        throw ended.reason;
      } finally {
        leave();
      }
    },
    fail,
  };
}
