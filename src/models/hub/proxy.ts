import type { RequestInit as ProxiedInit, request as undiciRequest } from "undici";

/** Values of the proxy variables, where any is set. */
export interface ProxySettings {
  readonly http?: string;
  readonly https?: string;
  /** Hosts that are reached without one. */
  readonly none?: string;
}

/** Reads HTTPS_PROXY, HTTP_PROXY and NO_PROXY in either case; empty ones count as unset. */
export function proxySettings(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const get = (...names: string[]) => names.map((name) => env[name]?.trim()).find((value) => value);
  const http = get("http_proxy", "HTTP_PROXY");
  const https = get("https_proxy", "HTTPS_PROXY") ?? http;
  return http === undefined && https === undefined ? undefined : { http, https, none: get("no_proxy", "NO_PROXY") };
}

/** Requests by way of the proxies, but for the hosts of NO_PROXY. */
export interface ProxiedRequests {
  readonly fetch: typeof fetch;
  /** As undici's, which costs less than `fetch`. */
  readonly request: typeof undiciRequest;
  /** Ends the connections; what is under way fails. */
  close(): Promise<void>;
}

/**
 * Node's own `fetch` and `http` know no proxy variables before Node 24, so undici's take their place where one is set; loading it
 * takes a quarter of a second, which nobody else pays.
 * @param timeouts milliseconds until a connection stands, and without a byte; undici's own where absent
 * @throws Error where a value is no address; it is not shown, since it may hold a password
 */
export async function openProxy(
  { http, https, none }: ProxySettings,
  { connectMs, timeoutMs }: { connectMs?: number; timeoutMs?: number } = {},
): Promise<ProxiedRequests> {
  const { EnvHttpProxyAgent, fetch: proxied, request } = await import("undici");
  let dispatcher: InstanceType<typeof EnvHttpProxyAgent>;
  try {
    dispatcher = new EnvHttpProxyAgent({
      httpProxy: http ?? "",
      httpsProxy: https ?? "",
      noProxy: none ?? "",
      // Plain requests go to a proxy as such; many refuse to tunnel to port 80.
      proxyTunnel: false,
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      ...(connectMs !== undefined && { connect: { timeout: connectMs } }),
    });
  } catch {
    throw new Error("HTTPS_PROXY or HTTP_PROXY is not an address such as http://proxy:3128");
  }
  return {
    fetch: ((url: string, init: ProxiedInit) => proxied(url, { ...init, dispatcher })) as unknown as typeof fetch,
    request: ((url: URL, options: object) => request(url, { ...options, dispatcher })) as typeof undiciRequest,
    close: () => dispatcher.destroy(),
  };
}
