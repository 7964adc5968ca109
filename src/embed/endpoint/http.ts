import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import { UnavailableError } from "../../errors.js";

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

/** How long and how large an exchange may be. */
export interface HttpLimits {
  /** Most connections open at once. */
  readonly connections: number;
  /** Until a connection stands, TLS included: longer where packets are swallowed, in silence. */
  readonly connectMs: number;
  /** Without a byte. */
  readonly timeoutMs: number;
}

/** An answer that trickles in has this many times `timeoutMs` in all. */
export const WHOLE = 3;

/** Bytes of the largest answer that is read: 64 vectors take 1 MB as numbers in text where they have 1,024 dimensions. */
const LARGEST_ANSWER = 64 * 2 ** 20;

/** Connections to one server, kept open between requests. */
export interface HttpClient {
  /**
   * @throws Error of the connection, with its `code`; also where an answer breaks off or takes too long. UnavailableError where
   * an answer is too large to be one
   */
  send(request: HttpRequest): Promise<HttpAnswer>;
  /** Breaks off whatever is under way. */
  close(): void;
}

/**
 * The whole body of an answer.
 * @throws UnavailableError where it is larger than any vectors are; Error of the connection where it breaks off
 */
export async function gatherBody(body: AsyncIterable<Buffer>, { host }: URL): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body) {
      size += chunk.length;
      if (size > LARGEST_ANSWER) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    throw Object.assign(new Error("the answer broke off", { cause }), { code: "ECONNRESET" });
  }
  if (size > LARGEST_ANSWER) {
    const most = `${LARGEST_ANSWER >> 20} MB`;
    throw new UnavailableError(
      `an answer of ${host} has more than ${most}, which no vectors take; is it an embedding server?`,
    );
  }
  return Buffer.concat(chunks);
}

/**
 * A client over node:http and node:https. For an answer of 64 vectors of 1024 it costs 0.75 ms of the thread where fetch
 * costs 1.8 (base64), or 2.5 against 4 (numbers as text), and a run is broken off without an abort listener a request.
 */
export function createHttpClient({ connections, connectMs, timeoutMs }: HttpLimits): HttpClient {
  // Node tries each address of a host for 250 ms unless told otherwise, which is short for a server far away.
  const options = { keepAlive: true, maxSockets: connections, autoSelectFamilyAttemptTimeout: 2000 };
  const agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  const active = new Set<http.ClientRequest>();
  return {
    send({ url, headers, body }) {
      const secure = url.protocol === "https:";
      return new Promise((resolve, reject) => {
        const request = (secure ? https : http).request(url, {
          agent: agents[secure ? "https:" : "http:"],
          method: body === undefined ? "GET" : "POST",
          timeout: timeoutMs,
          headers: {
            ...headers,
            accept: "application/json",
            ...(body === undefined
              ? {}
              : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
          },
        });
        /** Rejects first: an answer under way that is destroyed has an error of its own. */
        const giveUp = (error: Error) => {
          reject(error);
          request.destroy(error);
        };
        const late = (what: string, ms: number) =>
          giveUp(Object.assign(new Error(`${what} in ${ms / 1000} s`), { code: "ETIMEDOUT" }));
        const whole = setTimeout(() => late("no complete answer", WHOLE * timeoutMs), WHOLE * timeoutMs);
        active.add(request);
        request.on("close", () => {
          clearTimeout(whole);
          active.delete(request);
        });
        request.on("error", reject);
        request.on("timeout", () => late("no answer", timeoutMs));
        request.on("socket", (socket) => {
          if (!socket.connecting) return;
          const timer = setTimeout(() => late("no connection", connectMs), connectMs);
          for (const event of [secure ? "secureConnect" : "connect", "close"]) {
            socket.once(event, () => clearTimeout(timer));
          }
        });
        request.on("response", async (response) => {
          const { statusCode = 0, headers: answered } = response;
          try {
            resolve({ status: statusCode, headers: answered, body: await gatherBody(response, url) });
          } catch (error) {
            giveUp(error as Error);
          }
        });
        request.end(body);
      });
    },
    close() {
      for (const request of active) request.destroy(new Error("the connection was closed"));
      for (const agent of Object.values(agents)) agent.destroy();
    },
  };
}
