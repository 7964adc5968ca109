import type { IncomingHttpHeaders } from "node:http";
import { UnavailableError } from "../../errors.js";
import { type NetworkLimits, openNetwork, type ProxySettings } from "../../network.js";

/** A complete answer of any status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One attempt of a request. */
export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON to POST; absent for a GET. */
  readonly body?: string;
}

/** An answer that trickles in may take this many times `timeoutMs` in all. */
const WHOLE = 3;

/** Bytes of the largest answer that is read. 64 vectors of 1,024 components take 1 MB as numbers in text. */
const LARGEST_ANSWER = 64 * 2 ** 20;

/** Connections to one server, which stay open between requests. */
export interface HttpClient {
  /**
   * Sends one request.
   * @throws Error of the connection with its `code`, also if an answer breaks off or takes too long. UnavailableError
   * if an answer is too large to hold vectors, or if a proxy variable is not an address.
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Rejects the requests in flight and closes the connections. */
  close(): void;
}

/** Whether a host is this machine, which is reached without a proxy. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/**
 * Opens a client of one server. The caller closes the client.
 * @param proxy proxies on the way to the server; a direct connection if absent
 */
export function createHttpClient(
  limits: Required<Pick<NetworkLimits, "connections" | "connectMs" | "timeoutMs">>,
  proxy?: ProxySettings,
): HttpClient {
  const { connectMs, timeoutMs } = limits;
  const opening = openNetwork({ ...limits, largestAnswer: LARGEST_ANSWER }, proxy);
  opening.catch(() => {});
  const active = new Set<AbortController>();
  let closed: Error | undefined;
  const late = (what: string, ms: number) =>
    Object.assign(new Error(`${what} in ${ms / 1000} s`), { code: "ETIMEDOUT" });

  /** The reason why a request stopped. Where undici names no limit, the message does. */
  const explain = (error: NodeJS.ErrnoException, { host, hostname }: URL): Error => {
    if (error.code === "UND_ERR_RES_EXCEEDED_MAX_SIZE") {
      return new UnavailableError(
        `an answer of ${host} has more than ${LARGEST_ANSWER >> 20} MB, which no vectors take; is it an embedding server?`,
      );
    }
    const cause: NodeJS.ErrnoException =
      error.code === "UND_ERR_CONNECT_TIMEOUT"
        ? late("no connection", connectMs)
        : /^UND_ERR_(HEADERS|BODY)_TIMEOUT$/.test(error.code ?? "")
          ? late("no answer", timeoutMs)
          : error;
    const { message, code = "ECONNRESET" } = cause;
    const way = proxy === undefined ? "" : ` (by way of the proxy; NO_PROXY=${hostname} leaves it out)`;
    return Object.assign(new Error(`${message || code}${way}`), { code });
  };

  return {
    async send({ url, headers, body }) {
      const { request } = await opening.catch(({ message }: Error) => {
        throw new UnavailableError(message);
      });
      // The timer ends with the request. AbortSignal.timeout would keep 1 KB of each request for as long as the signal
      // waits.
      const attempt = new AbortController();
      const { signal } = attempt;
      const whole = setTimeout(() => attempt.abort(late("no complete answer", WHOLE * timeoutMs)), WHOLE * timeoutMs);
      active.add(attempt);
      try {
        const answer = await request(url, {
          method: body === undefined ? "GET" : "POST",
          headers: { ...headers, accept: "application/json", ...(body && { "content-type": "application/json" }) },
          body,
          signal,
        });
        const chunks = (await answer.body.toArray()) as Buffer[];
        return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
      } catch (error) {
        throw closed ?? explain(signal.aborted ? signal.reason : error, url);
      } finally {
        clearTimeout(whole);
        active.delete(attempt);
      }
    },
    close() {
      closed = new Error("the connection was closed");
      for (const attempt of active) attempt.abort(closed);
      opening.then(({ close }) => close()).catch(() => {});
    },
  };
}
