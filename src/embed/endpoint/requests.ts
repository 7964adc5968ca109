/**
 * undici (7.30.2) provides connections, proxies, time limits and the limit on the size of an answer. The repetitions
 * are own code, because undici's retries fail 13 of the 62 tests of an endpoint. They know a single request and not the
 * server, so they miss a Retry-After for all requests and an outage with its end. They repeat before the body is read,
 * and so lose the server's words and a refused length under status 500. They also take half a JSON text for an answer.
 * With `interceptors.responseError` before them 52 tests fail, because a 404 of `/health` then counts as an error.
 */
import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import { UnavailableError } from "../../errors.js";
import { type ProxySettings, retryAfterMs } from "../../network.js";
import type { EndpointAddress } from "./address.js";
import { answerText, GarbledAnswerError, refusesSize } from "./answer.js";
import { createHttpClient, type HttpAnswer, isLoopback } from "./http.js";
import { type EndpointLimits, type Failure, trackOutage } from "./outage.js";
import { createPlaces } from "./places.js";

/** Statuses of troubles that pass: overloads, restarts, time-outs of proxies; 424 reports a backend of TEI. */
const TRANSIENT = new Set([408, 424, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529]);

/**
 * Milliseconds until a connection must be established. A server that drops packets is given up after two such waits.
 */
const CONNECT_MS = 5000;

/**
 * Statuses of these by which a server says that it has too much to do or is not ready. No request is to blame for them.
 */
const BUSY = new Set([408, 425, 429, 503, 529]);

/** Error codes, by version of Node, of a server that does not speak TLS. */
const NO_TLS = /EPROTO|WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG/;

/** Error codes of a certificate, which another attempt does not cure. */
const CERTIFICATE = /CERT|TLS|SSL|SIGNATURE/;

/** When a request is to blame for its failures, and not the server. Asked anew after each failure. */
interface Blame<T> {
  /** Failures, none because the server was busy, after each of which the server answered something else. */
  readonly after: () => number;
  /** Whether the server is asked at once if it works; otherwise other requests show it during the wait. */
  readonly eager: () => boolean;
  readonly result: (why: string) => T;
}

/** A request and the function that reads its answer. */
export interface EndpointCall<T> {
  readonly url: URL;
  /** Builds the object to POST as JSON, when the request's turn comes; absent for a GET. */
  readonly body?: () => object;
  /** Reads every answer that is not `TRANSIENT`. A GarbledAnswerError causes another attempt. */
  readonly read: (answer: HttpAnswer) => T;
  /** Whether `read` gets an answer of this `TRANSIENT` status, instead of another attempt (never). */
  readonly takes?: (status: number) => boolean;
  /**
   * The result if the request itself is to blame. Without this property such a request fails the run.
   */
  readonly blame?: Blame<T>;
  /** Whether the request goes out only while no other is under way (false). */
  readonly alone?: boolean;
}

/** Requests to one server, limited in number and repeated while a repetition makes sense. */
export interface EndpointRequests {
  /**
   * Sends a request when a place is free, and again after troubles that pass: lost connections, `TRANSIENT` statuses,
   * garbled answers. A request keeps its place while it waits for another attempt, so a troubled server gets fewer
   * requests. A request that failed twice goes out again only after the server has answered something else, so it is
   * known whether the server is down or the request is to blame.
   * @throws UnavailableError if the server is given up, which fails every other request in flight too
   */
  call<T>(call: EndpointCall<T>): Promise<T>;
  /** Fails the requests in flight and every later call with this error. */
  fail(error: Error): void;
}

/**
 * Opens the requests to one server. `fail` closes the connections.
 * @param options.known whether the server has answered before: then its absence is waited out for longer
 * @param options.concurrency most requests in flight at once
 * @param options.note called when the server stops answering and when it answers again
 * @param options.probe a request that the server has answered before; it shows whether the server works
 * @param options.proxy proxies on the way to the server, unless the server is on this machine; a direct connection if
 * absent
 */
export function createEndpointRequests(options: {
  address: EndpointAddress;
  known: boolean;
  concurrency: number;
  limits: EndpointLimits;
  note: (message: string) => void;
  probe?: EndpointCall<void>;
  proxy?: ProxySettings;
}): EndpointRequests {
  const { address, known, concurrency, limits, note, probe, proxy } = options;
  const bounds = { connections: concurrency, connectMs: CONNECT_MS, timeoutMs: limits.timeoutMs };
  const http = createHttpClient(bounds, isLoopback(new URL(address.shown).hostname) ? undefined : proxy);
  const outage = trackOutage({ shown: address.shown, known, limits, note });
  const headers = address.headers();
  /** Aborted with the error that all requests fail with. */
  const ending = new AbortController();
  const { signal: ended } = ending;
  setMaxListeners(0, ended);
  const places = createPlaces(concurrency);

  const fail = (error: Error) => {
    if (ended.aborted) return;
    ending.abort(error);
    http.close();
    places.open();
  };
  const sleep = (ms: number) => setTimeout(ms, undefined, { signal: ended });
  const attempt = async <T>({ url, read, takes }: EndpointCall<T>, body?: string): Promise<{ value: T } | Failure> => {
    try {
      const answer = await http.send({ url, headers, body });
      outage.answered();
      if (TRANSIENT.has(answer.status) && !takes?.(answer.status) && !refusesSize(answer)) {
        const waitMs = retryAfterMs(answer.headers["retry-after"]);
        return {
          why: address.redact(`status ${answer.status} ${answerText(answer.body)}`.trim()),
          busy: waitMs !== undefined || BUSY.has(answer.status),
          retryAfterMs: waitMs,
        };
      }
      const value = read(answer);
      outage.over();
      return { value };
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const passes = error instanceof GarbledAnswerError || code !== undefined;
      if (ended.aborted || !passes) throw error;
      // If a host has several addresses, the message is empty and only the code tells the cause.
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
  /** Asks the server with the probe until it has answered something since a failure. */
  const awaitLife = async (failedAt: number, failures: number, survived: number): Promise<void> => {
    for (let asked = 0; probe !== undefined && outage.lastSuccess() <= failedAt; asked++) {
      const { body, read, url } = probe;
      const result = await attempt({ url, read }, JSON.stringify(body?.()));
      if (!("value" in result)) await sleep(outage.delayMs(result, failures + asked, survived));
    }
  };
  const persist = async <T>(call: EndpointCall<T>): Promise<T> => {
    const { blame } = call;
    const body = call.body === undefined ? undefined : JSON.stringify(call.body());
    /** Failed attempts that the server outlived: it answered something else afterwards. */
    let survived = 0;
    for (let failures = 1; ; failures++) {
      for (let pause = outage.pauseMs(); pause > 0; pause = outage.pauseMs()) await sleep(pause);
      ended.throwIfAborted();
      const result = await attempt(call, body);
      if ("value" in result) return result.value;
      const failedAt = performance.now();
      const delay = outage.delayMs(result, failures, survived);
      const eager = blame?.eager() === true && !result.busy;
      if (!eager) await sleep(delay);
      // A single failure is ordinary and needs no probe as a rule.
      if (eager || (!result.busy && failures >= Math.min(2, blame?.after() ?? 2)))
        await awaitLife(failedAt, failures, survived);
      if (outage.lastSuccess() > failedAt) survived++;
      if (blame !== undefined && !result.busy && survived >= blame.after()) return blame.result(result.why);
      if (eager) await sleep(delay);
    }
  };
  return {
    async call(call) {
      await places.enter(call.alone);
      try {
        return await persist(call);
      } catch (error) {
        fail(error as Error);
        throw ended.reason;
      } finally {
        places.leave(call.alone);
      }
    },
    fail,
  };
}
