import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { UnavailableError } from "../../errors.js";
import { type ProxySettings, proxySettings } from "../../network.js";

/** Waits for a hub; tests use shorter ones. */
export interface Patience {
  /** Most milliseconds until the hub's first answer. */
  readonly answer: number;
  /**
   * Milliseconds without a byte after which a transfer counts as broken off; also the most until any further answer.
   */
  readonly stall: number;
  /** Milliseconds before the first repetition; the wait doubles with each further one. */
  readonly backoff: number;
}

/** Where models come from and where they are kept. */
export interface HubSettings {
  /** Base address, without a slash at the end. */
  readonly endpoint: string;
  /** Folder with one `models--owner--name` for each repository. */
  readonly cache: string;
  /** Token, sent only to the endpoint and never printed. */
  readonly token?: string;
  /** File that the token was read from; absent if the token comes from the environment. */
  readonly tokenFile?: string;
  /** Forbids any request. */
  readonly offline: boolean;
  readonly proxy?: ProxySettings;
  readonly patience: Patience;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";

/** The waits of a run. With two attempts, nobody waits longer than twice `answer` for a network that drops packets. */
const PATIENCE: Patience = { answer: 4000, stall: 30_000, backoff: 500 };

function folder(path: string): string {
  return resolve(path.replace(/^~(?=$|[/\\])/, homedir()));
}

/**
 * Reads the variables that the hub's own tools read: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE, HF_HOME, XDG_CACHE_HOME,
 * HF_ENDPOINT, HF_TOKEN, HUGGING_FACE_HUB_TOKEN, HF_TOKEN_PATH, HF_HUB_DISABLE_IMPLICIT_TOKEN, HF_HUB_OFFLINE, and
 * HTTPS_PROXY, HTTP_PROXY, NO_PROXY in capitals or small letters. An empty variable counts as unset. Without a token in
 * the environment it comes from the file that `hf auth login` wrote: HF_TOKEN_PATH, or `token` in HF_HOME. The hub's
 * JavaScript library (2.17.5) does not read that file.
 * @throws UnavailableError if HF_ENDPOINT is not an address
 */
export function hubSettings(env: Readonly<Record<string, string | undefined>>): HubSettings {
  const get = (...names: string[]) => names.map((name) => env[name]?.trim()).find((value) => value);
  const home = get("HF_HOME") ?? join(get("XDG_CACHE_HOME") ?? join(homedir(), ".cache"), "huggingface");
  const isOn = (name: string) => /^(1|true|yes|on)$/i.test(get(name) ?? "");
  const tokenFile = folder(get("HF_TOKEN_PATH") ?? join(home, "token"));
  const token = oneLine(get("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN") ?? "");
  const stored = token === undefined && !isOn("HF_HUB_DISABLE_IMPLICIT_TOKEN") ? readToken(tokenFile) : undefined;
  return {
    endpoint: endpoint(get("HF_ENDPOINT") ?? DEFAULT_ENDPOINT),
    cache: folder(get("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") ?? join(home, "hub")),
    token: token ?? stored,
    ...(stored !== undefined && { tokenFile }),
    offline: isOn("HF_HUB_OFFLINE"),
    proxy: proxySettings(env),
    patience: PATIENCE,
  };
}

/** A token without line ends, which editors and mounted secrets add; undefined if nothing is left. */
function oneLine(text: string): string | undefined {
  return text.replace(/[\r\n]/g, "").trim() || undefined;
}

/** Reads the token of a file; undefined if the file holds none. */
function readToken(path: string): string | undefined {
  try {
    return oneLine(readFileSync(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Checks an address. An address with a password is refused and not shown. */
function endpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && url.username + url.password !== "") {
    throw new UnavailableError("HF_ENDPOINT holds a user name or password; put the token into HF_TOKEN instead");
  }
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.search + url.hash !== "") {
    throw new UnavailableError(`HF_ENDPOINT ${text} is not an address such as ${DEFAULT_ENDPOINT}`);
  }
  return url.href.replace(/\/+$/, "");
}
