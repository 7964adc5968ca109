import { hostname } from "node:os";
import { setTimeout } from "node:timers/promises";
import { isLoopback } from "../../embed/endpoint/http.js";
import { UsageError } from "../../errors.js";
import type { MeasuredCommand } from "../../metrics/run-metrics.js";
import { openNetwork, proxySettings } from "../../network.js";
import { withoutSecrets } from "../../without-secrets.js";

/** The group of the metrics on a Pushgateway, and how to get there. Only `headers` returns secrets. */
export interface Gateway {
  /** The URL of the gateway, for messages. */
  readonly shown: string;
  /** Value of the label `job`. */
  readonly job: string;
  /**
   * URL of a command's own group: the labels of the URL that was given, `instance` (this machine where none was given)
   * and `command`. A group of its own, because a PUT replaces all metrics of a group.
   */
  group(command: MeasuredCommand): URL;
  headers(): Record<string, string>;
}

/** Name of the job where the URL has none. */
const JOB = "bge-dedup";

/** A label's name, as Prometheus allows it for users. */
const LABEL = /^(?!__)[a-zA-Z_][a-zA-Z0-9_]*$/;

/**
 * Reads `--push`, such as `http://host:9091` or, with labels of one's own, `http://host:9091/metrics/job/faq/instance/a`.
 * @param env BGE_PUSH_TOKEN is sent as Bearer; BGE_PUSH_USER and BGE_PUSH_PASSWORD as Basic
 * @throws UsageError for another kind of URL, and for one that holds a password or a query; the message shows neither
 */
export function parseGateway(text: string, env: NodeJS.ProcessEnv): Gateway {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const shown = withoutSecrets(text);
  if (url === undefined || !/^https?:$/.test(url.protocol) || url.hostname === "") {
    throw new UsageError(`--push ${shown} is not a URL; expected one like http://host:9091`);
  }
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new UsageError(
      `--push ${shown} is given with a user, a password or a query; leave them out: credentials are read from the ` +
        "environment (BGE_PUSH_TOKEN, or BGE_PUSH_USER and BGE_PUSH_PASSWORD)",
    );
  }
  const [, base, grouping] = /^(.*?)(?:\/metrics(\/.+)?)?\/*$/s.exec(url.pathname) as RegExpExecArray;
  const labels = grouping === undefined ? new Map([["job", JOB]]) : groupingLabels(grouping, shown);
  if (!labels.has("instance")) labels.set("instance", hostname());
  const headers = credentials(env);
  return {
    shown: url.origin + base,
    job: labels.get("job") as string,
    group: (command) => new URL(`${url.origin}${base}/metrics${groupingPath([...labels, ["command", command]])}`),
    headers: () => ({ ...headers }),
  };
}

/** The labels of a grouping path such as /job/faq/path@base64/L3RtcA. */
function groupingLabels(path: string, shown: string): Map<string, string> {
  const wrong = (what: string) =>
    new UsageError(`--push ${shown}: ${what}; expected labels as in http://host:9091/metrics/job/faq/instance/a`);
  const parts = path.replace(/\/+$/, "").slice(1).split("/");
  if (parts.length % 2 === 1) throw wrong(`the label ${parts[parts.length - 1]} has no value`);
  const labels = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    const [, name, coded] = /^(.*?)(@base64)?$/s.exec(parts[i]) as RegExpExecArray;
    if (!LABEL.test(name)) throw wrong(`${name} is no name of a label`);
    if (labels.has(name)) throw wrong(`the label ${name} is given twice`);
    if (name === "command") throw wrong("the label command is taken for the name of the command");
    labels.set(name, coded === undefined ? percentDecoded(parts[i + 1]) : base64Decoded(parts[i + 1]));
  }
  if (!labels.get("job")) throw wrong("there is no job");
  return labels;
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError(`--push: ${text} is not percent-encoded; write a percent sign as %25`);
  }
}

function base64Decoded(text: string): string {
  return Buffer.from(text, "base64url").toString("utf8");
}

/**
 * The path of a group. A value of other characters than letters, digits and `_.-` goes as base64, with which the
 * gateway takes what no path can hold: a slash, two dots, nothing at all (as `=`).
 */
function groupingPath(labels: readonly (readonly [name: string, value: string])[]): string {
  return labels
    .map(([name, value]) =>
      /^[\w-][\w.-]*$/.test(value)
        ? `/${name}/${value}`
        : `/${name}@base64/${Buffer.from(value).toString("base64url") || "="}`,
    )
    .join("");
}

/** @throws UsageError where the environment holds half of what is needed, or what no header can hold */
function credentials(env: NodeJS.ProcessEnv): Record<string, string> {
  const get = (name: string) => env[name]?.trim() || undefined;
  const [token, user, password] = ["BGE_PUSH_TOKEN", "BGE_PUSH_USER", "BGE_PUSH_PASSWORD"].map(get);
  if (token !== undefined && (user !== undefined || password !== undefined)) {
    throw new UsageError("BGE_PUSH_TOKEN and BGE_PUSH_USER exclude each other; unset one of them");
  }
  if (user === undefined && password !== undefined) {
    throw new UsageError("BGE_PUSH_PASSWORD is set without BGE_PUSH_USER; set the user as well");
  }
  if (token !== undefined) {
    if (!/^[\x21-\x7e]*$/.test(token)) {
      throw new UsageError("BGE_PUSH_TOKEN holds characters that no token has (blanks or beyond ASCII); set it anew");
    }
    return { authorization: `Bearer ${token}` };
  }
  if (user === undefined) return {};
  return { authorization: `Basic ${Buffer.from(`${user}:${password ?? ""}`).toString("base64")}` };
}

/** Milliseconds after which a push is tried again. */
const PAUSE_MS = 1000;

/** Most bytes of an answer, and most characters of it that a message shows. */
const LARGEST_ANSWER = 64 * 2 ** 10;
const SHOWN = 200;

/** Statuses of a gateway, or of a proxy before it, that may pass. */
const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/**
 * Pushes metrics to their group. Tries again after troubles that may pass until the time is over.
 * @param options.replace PUT: the group holds these metrics and no others. Otherwise POST: metrics of other names stay
 * @param options.limitMs milliseconds for everything
 * @throws Error that says why the gateway has not taken the metrics
 */
export async function pushMetrics({
  gateway,
  command,
  text,
  replace,
  limitMs,
}: {
  readonly gateway: Gateway;
  readonly command: MeasuredCommand;
  readonly text: string;
  readonly replace: boolean;
  readonly limitMs: number;
}): Promise<void> {
  const url = gateway.group(command);
  const limits = { connectMs: limitMs, timeoutMs: limitMs, largestAnswer: LARGEST_ANSWER };
  const network = await openNetwork(limits, isLoopback(url.hostname) ? undefined : proxySettings(process.env));
  const signal = AbortSignal.timeout(limitMs);
  try {
    for (;;) {
      const outcome = await network
        .request(url, {
          method: replace ? "PUT" : "POST",
          headers: { ...gateway.headers(), "content-type": "text/plain; version=0.0.4; charset=utf-8" },
          body: text,
          signal,
        })
        .then(async ({ statusCode, body }) => ({ statusCode, answer: await body.text() }))
        .catch((error: Error & { code?: string }) => ({ statusCode: 0, answer: error.message || String(error.code) }));
      const { statusCode, answer } = outcome;
      if (statusCode >= 200 && statusCode < 300) return;
      const words = answer.replace(/\s+/g, " ").trim().slice(0, SHOWN);
      const why = statusCode === 0 ? words : `status ${statusCode}${words === "" ? "" : ` ${words}`}`;
      if (signal.aborted) throw new Error(`no answer within ${limitMs / 1000} s`);
      if (statusCode !== 0 && !PASSING.has(statusCode)) throw new Error(why);
      await setTimeout(PAUSE_MS, undefined, { signal }).catch(() => {
        throw new Error(why);
      });
    }
  } finally {
    await network.close();
  }
}
