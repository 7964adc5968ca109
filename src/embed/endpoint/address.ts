import { UsageError } from "../../errors.js";
import { withoutSecrets } from "../../without-secrets.js";

/**
 * Address of an OpenAI-compatible server and its secrets. Only functions return secrets, so neither `JSON.stringify`
 * nor `console.log` of an options object can show one.
 */
export interface EndpointAddress {
  /** The base URL without user, password and query, for messages and the manifest. */
  readonly shown: string;
  /** Base URLs to try in order: the URL as given; if it lacks `/v1`, the URL with `/v1` first. */
  readonly bases: readonly string[];
  /** URL of a path below a base, with the user's query, which may hold a key. */
  at(base: string, path: string): URL;
  /** URL of a path beside `/v1`, where servers answer `/health`. */
  besides(path: string): URL;
  /** Headers of every request: `Authorization` if there is a key or a user. */
  headers(): Record<string, string>;
  /** Replaces every secret in a text by ***, for example in an answer that repeats the key. */
  redact(text: string): string;
}

/**
 * Shortest secret that is replaced in texts, in characters. Shorter secrets would black out parts of ordinary words.
 */
const SHORTEST_SECRET = 4;

/**
 * Reads `--endpoint` and the key from the environment.
 * @param key value of BGE_API_KEY, sent as Bearer. Without a key, a user in the URL is sent as Basic.
 * @throws UsageError if the text is not an http or https URL or the key cannot be one; the message shows no secret
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
    throw new UsageError(`--endpoint ${withoutSecrets(text)} is not a URL; expected one like http://host:30000/v1`);
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
