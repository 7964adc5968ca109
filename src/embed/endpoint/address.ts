import { UsageError } from "../../errors.js";

/**
 * Where an OpenAI-compatible server is and what opens it. Secrets are reached through functions alone, so that neither
 * `JSON.stringify` nor `console.log` of an options object can show one.
 */
export interface EndpointAddress {
  /** The base URL without user, password and query: fit for messages and the manifest. */
  readonly shown: string;
  /** Base URLs to try in order: as given, or with `/v1` first where it was left out. */
  readonly bases: readonly string[];
  /** URL of a path below a base, with the query that the user gave, which may hold a key. */
  at(base: string, path: string): URL;
  /** URL of a path beside `/v1`, where servers answer `/health`. */
  besides(path: string): URL;
  /** Headers of every request: `Authorization` where there is a key or a user. */
  headers(): Record<string, string>;
  /** Takes every secret out of a text, such as an answer of the server that repeats the key. */
  redact(text: string): string;
}

/** Shorter secrets are not sought in texts: they would blacken ordinary words. */
const SHORTEST_SECRET = 4;

/**
 * Reads `--endpoint` and the key of the environment.
 * @param key value of BGE_API_KEY, sent as Bearer; without it a user in the URL is sent as Basic
 * @throws UsageError where the text is no http or https URL; the message shows no secret
 */
export function parseEndpoint(text: string, key = ""): EndpointAddress {
  const bearer = key.trim();
  if (!/^[\x21-\x7e]*$/.test(bearer)) {
    throw new UsageError(
      "BGE_API_KEY holds characters that no key has (blanks, line ends or beyond ASCII); set it anew",
    );
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    const harmless = text.replace(/\/\/[^/]*@/, "//").replace(/[?#].*/s, "");
    throw new UsageError(`--endpoint ${harmless} is not a URL; expected one like http://host:30000/v1`);
  }
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  const { search } = url;
  const secrets = [bearer, user, password, url.username, url.password];
  for (const [, value] of url.searchParams) secrets.push(value, encodeURIComponent(value));
  const sought = [...new Set(secrets)]
    .filter(({ length }) => length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);

  const path = url.pathname.replace(/\/+$/, "").replace(/\/embeddings$/, "");
  const shown = url.origin + path;
  const root = shown.replace(/\/v1$/, "");
  const withQuery = (plain: string) => {
    const full = new URL(plain);
    full.search = search;
    return full;
  };
  return {
    shown,
    bases: shown === root ? [`${root}/v1`, root] : [shown],
    at: (base, below) => withQuery(`${base}/${below}`),
    besides: (beside) => withQuery(`${root}/${beside}`),
    headers(): Record<string, string> {
      if (bearer !== "") return { authorization: `Bearer ${bearer}` };
      if (user === "" && password === "") return {};
      return { authorization: `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}` };
    },
    redact: (message) => sought.reduce((clean, secret) => clean.replaceAll(secret, "***"), message),
  };
}
