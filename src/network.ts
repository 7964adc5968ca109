import type { Dispatcher, RequestInit as UndiciInit } from "undici";

/** Values of the proxy variables, where any is set. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  /** Hosts that are reached without a proxy. */
  readonly none?: string;
}

/** Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case; empty ones count as unset. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const get = (...names: string[]) => names.map((name) => env[name]?.trim()).find((value) => value);
  const http = get("http_proxy", "HTTP_PROXY");
  const https = get("https_proxy", "HTTPS_PROXY") ?? http;
  return http === undefined && https === undefined ? undefined : { http, https, none: get("no_proxy", "NO_PROXY") };
}

/** Bounds of every exchange. */
export interface NetworkLimits {
  /** Milliseconds until a connection stands, TLS included: a network that swallows packets does so in silence. */
  readonly connectMs: number;
  /** Milliseconds without a byte. */
  readonly timeoutMs: number;
  /** Most connections to one host. */
  readonly connections?: number;
  /** Bytes of the largest answer that is taken. */
  readonly largestAnswer?: number;
}

/** Requests within limits, by way of the proxies but for the hosts of NO_PROXY. */
export interface Network {
  readonly fetch: typeof fetch;
  /** As undici's; costs less than `fetch` and follows no redirect. */
  request(url: URL, options: Omit<Dispatcher.RequestOptions, "origin" | "path">): Promise<Dispatcher.ResponseData>;
  /** Ends the connections; what is under way fails. */
  close(): Promise<void>;
}

/**
 * Opens the network through undici: Node's own `fetch` and `http` know no proxy variables before Node 24, and no limit of an
 * answer. undici takes 0.2 s to load, so a run that needs no network does not load it. For 64 vectors of 1,024 its `request`
 * costs 2.3 ms where node:http costs 2.8 (base64), or 4.7 where node:http costs 5.3 (numbers as text).
 * @throws Error where a proxy is no address; the value is not shown, since it may hold a password
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
      // Plain requests go to a proxy as such; many refuse to tunnel to port 80.
      proxyTunnel: false,
      // Node tries each address of a host for 250 ms unless told otherwise, which is short for a server far away.
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

/** Waits grow from the first to the longest, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Wait before the next attempt: doubled each time, of which the upper half is random, so that requests that failed together
 * do not come back together.
 * @param failures failed attempts so far, at least 1
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, { firstMs, longestMs }: BackoffLimits, random = Math.random()): number {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return full / 2 + (full / 2) * random;
}

/**
 * Milliseconds that a `Retry-After` header asks for, given in seconds or as an HTTP date (RFC 9110, section 10.2.3).
 * @param now milliseconds since the epoch
 * @returns undefined where there is no header or it is neither
 */
export function retryAfterMs(header: string | null | undefined, now = Date.now()): number | undefined {
  const value = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // A date has a weekday and a month; Date.parse would also take a bare number for a year.
  const date = /^[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
