import type { IncomingHttpHeaders } from "node:http";
import { UnavailableError } from "../../errors.js";
import { type NetworkLimits, openNetwork, type ProxySettings } from "../../network.js";

/** A complete answer, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One attempt of a request. */
export interface HttpRequest {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON to POST; a GET without it. */
  readonly body?: string;
}

/** An answer that trickles in has this many times `timeoutMs` in all. */
const WHOLE = 3;

/** Bytes of the largest answer that is read: 64 vectors take 1 MB as numbers in text where they have 1,024 dimensions. */
const LARGEST_ANSWER = 64 * 2 ** 20;

/** Connections to one server, kept open between requests. */
export interface HttpClient {
  /**
   * @throws Error of the connection, with its `code`; also where an answer breaks off or takes too long. UnavailableError where
   * an answer is too large to be one, or a proxy variable holds no address
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Breaks off whatever is under way. */
  close(): void;
}

/** Whether a host is this machine, which no proxy leads to. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/**
 * @param proxy the way to the server; straight where absent
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

  /** What stopped a request, in our words where undici's name no limit. */
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
      // With a timer that ends with the request: AbortSignal.timeout would keep 1 KB of each for as long as it waits.
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
