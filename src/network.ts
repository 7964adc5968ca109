import type { Dispatcher, RequestInit as UndiciInit } from "undici";

/** Values of the proxy variables. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  /** Hosts that are reached without a proxy, as in NO_PROXY. */
  readonly none?: string;
}

/**
 * Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY, in capitals or small letters. An empty variable counts as unset.
 * @returns undefined if no proxy is set
 */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const get = (...names: string[]) => names.map((name) => env[name]?.trim()).find((value) => value);
  const http = get("http_proxy", "HTTP_PROXY");
  const https = get("https_proxy", "HTTPS_PROXY") ?? http;
  return http === undefined && https === undefined ? undefined : { http, https, none: get("no_proxy", "NO_PROXY") };
}

/** Limits of every exchange. */
export interface NetworkLimits {
  /**
   * Most milliseconds until a connection is established, TLS included. A network that drops packets gives no other
   * sign.
   */
  readonly connectMs: number;
  /** Most milliseconds without a byte. */
  readonly timeoutMs: number;
  /** Most connections to one host. */
  readonly connections?: number;
  /** Bytes of the largest answer that is accepted. */
  readonly largestAnswer?: number;
}

/** Sends requests within the limits and through the proxies, except to the hosts of NO_PROXY. */
export interface Network {
  readonly fetch: typeof fetch;
  /** As undici's `request`, which costs less than `fetch` and follows no redirect. */
  request(url: URL, options: Omit<Dispatcher.RequestOptions, "origin" | "path">): Promise<Dispatcher.ResponseData>;
  /** Closes the connections; requests in flight fail. */
  close(): Promise<void>;
}

/**
 * Opens the network through undici. Node's own `fetch` and `http` ignore proxy variables before Node 24 and cannot
 * limit the size of an answer. Loading undici takes 0.2 s, so a run that needs no network does not load it. For 64
 * vectors of 1,024 components undici's `request` costs 2.3 ms and node:http 2.8 ms (base64), or 4.7 ms and 5.3 ms
 * (numbers as text).
 * @returns a network that the caller closes
 * @throws Error if a proxy is not an address; the message does not show the value, which may hold a password
 */
export async function openNetwork(limits: NetworkLimits, proxy: ProxySettings = {}): Promise<Network> {
  const { connectMs, timeoutMs, connections, largestAnswer } = limits;
  const { EnvHttpProxyAgent, fetch, request } = await import("undici");
  let dispatcher: InstanceType<typeof EnvHttpProxyAgent>;
  try {
    dispatcher = new EnvHttpProxyAgent({
      httpProxy: proxy.http ?? "",
      httpsProxy: proxy.https ?? "",
      noProxy: proxy.none ?? "",
      // Plain HTTP requests are sent to a proxy as they are, because many proxies refuse to tunnel to port 80.
      proxyTunnel: false,
      // By default Node tries each address of a host for 250 ms, which is too short for a distant server.
      connect: { timeout: connectMs, autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2000 },
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connections,
      maxResponseSize: largestAnswer,
    });
  } catch {
    throw new Error("HTTPS_PROXY or HTTP_PROXY is not an address such as http://proxy:3128");
  }
  return {
    fetch: ((url: string, init: UndiciInit) =>
      fetch(url, { ...init, dispatcher })) as unknown as typeof globalThis.fetch,
    request: (url, options) => request(url, { ...options, dispatcher }),
    close: () => dispatcher.destroy(),
  };
}

/** The shortest and the longest wait, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Milliseconds to wait before the next attempt. The wait doubles with each failure, and its upper half is random, so
 * that requests that failed together do not return together.
 * @param failures number of failed attempts so far, at least 1
 * @param random a number in [0, 1)
 */
export function backoffMs(failures: number, { firstMs, longestMs }: BackoffLimits, random = Math.random()): number {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return full / 2 + (full / 2) * random;
}

/**
 * Milliseconds that a `Retry-After` header asks for, as seconds or as an HTTP date (RFC 9110, section 10.2.3).
 * @param now milliseconds since the epoch
 * @returns undefined if there is no header or if it is neither
 */
export function retryAfterMs(header: string | null | undefined, now = Date.now()): number | undefined {
  const value = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // A date begins with a weekday; Date.parse alone would take a bare number for a year.
  const date = /^[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
