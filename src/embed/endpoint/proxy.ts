import { UnavailableError } from "../../errors.js";
import { openProxy, type ProxySettings } from "../../models/hub/proxy.js";
import { gatherBody, type HttpClient, type HttpLimits, WHOLE } from "./http.js";

/** Whether a host is this machine, which no proxy leads to. */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/i.test(hostname);
}

/**
 * As `createHttpClient`, by way of the proxies that the environment names.
 * @param proxy values of the proxy variables
 */
export function createProxiedClient({ connectMs, timeoutMs }: HttpLimits, proxy: ProxySettings): HttpClient {
  const opening = openProxy(proxy, { connectMs, timeoutMs });
  opening.catch(() => {});
  const active = new Set<AbortController>();
  let closed = false;
  return {
    async send({ url, headers, body }) {
      const { request } = await opening.catch(({ message }: Error) => {
        throw new UnavailableError(message);
      });
      // With a timer that ends with the request: AbortSignal.timeout would keep 1 KB of each for as long as it waits.
      const attempt = new AbortController();
      const { signal } = attempt;
      const giveUp = () => {
        const said = `no complete answer in ${(WHOLE * timeoutMs) / 1000} s`;
        attempt.abort(Object.assign(new Error(said), { code: "ETIMEDOUT" }));
      };
      const whole = setTimeout(giveUp, WHOLE * timeoutMs);
      active.add(attempt);
      try {
        const answer = await request(url, {
          method: body === undefined ? "GET" : "POST",
          headers: {
            ...headers,
            accept: "application/json",
            ...(body === undefined ? {} : { "content-type": "application/json" }),
          },
          body,
          signal,
        });
        const { statusCode: status, headers: answered } = answer;
        return { status, headers: answered, body: await gatherBody(answer.body, url) };
      } catch (error) {
        const cause = signal.aborted ? signal.reason : error;
        if (closed || cause instanceof UnavailableError) throw cause;
        const { message, code } = cause as NodeJS.ErrnoException;
        const said = message || code;
        throw Object.assign(new Error(`${said} (by way of the proxy; NO_PROXY=${url.hostname} leaves it out)`), {
          code: code ?? "ECONNRESET",
        });
      } finally {
        clearTimeout(whole);
        active.delete(attempt);
      }
    },
    close() {
      closed = true;
      for (const attempt of active) attempt.abort(new Error("the connection was closed"));
      opening.then(({ close }) => close()).catch(() => {});
    },
  };
}
