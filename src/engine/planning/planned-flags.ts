import { UsageError } from "../../errors.js";
import { DEDUP_NAMES, type DedupFlags } from "../../run/flags/dedup.js";
import { modelName, SHARED_NAMES } from "../../run/flags/shared.js";

/** Names of parts of a query that are secrets. */
const SECRET = /key|token|secret|password|signature|^sig$/i;

/** Variables of the environment that workers read. The plan holds none that may be secret: an engine hands them on. */
export const WORKER_ENVIRONMENT =
  "BGE_API_KEY BGE_CACHE BGE_CACHE_MAX BGE_CACHE_USER BGE_CACHE_PASSWORD HF_TOKEN HF_ENDPOINT HF_HOME XDG_CACHE_HOME HTTPS_PROXY HTTP_PROXY NO_PROXY NODE_EXTRA_CA_CERTS".split(
    " ",
  );

/**
 * The flags of a plan: those that were given and what the environment adds to them, so that workers elsewhere, whose
 * environment is another, do the same. Without `fresh`, which is meant for the moment.
 * @throws UsageError for a flag that holds a secret: everybody who sees the run folder can read the plan
 */
export function planFlags(given: DedupFlags): DedupFlags {
  const { fresh: _, ...flags } = Object.fromEntries(
    [...SHARED_NAMES, ...DEDUP_NAMES].flatMap((name) => {
      const value = given[name as keyof DedupFlags];
      return value === undefined ? [] : [[name, value]];
    }),
  ) as DedupFlags;
  const { endpoint, vectorField } = flags;
  if (endpoint !== undefined) requireNoSecret(endpoint);
  const model = endpoint === undefined && vectorField === undefined ? modelName(flags.model) : flags.model;
  const cache = flags.cache ?? withoutPassword(process.env.BGE_CACHE);
  return { ...flags, ...(model !== undefined && { model }), ...(cache !== undefined && { cache }) };
}

/** @throws UsageError */
function requireNoSecret(endpoint: string): void {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (url === undefined) return;
  const what = [
    url.username !== "" || url.password !== "" ? "a user or a password" : undefined,
    [...url.searchParams.keys()].some((name) => SECRET.test(name)) ? "a key" : undefined,
  ].find((found) => found !== undefined);
  if (what === undefined) return;
  throw new UsageError(
    `--endpoint ${url.origin}${url.pathname} holds ${what}, which the plan of the run would show to everybody who can read the folder; leave it out and set BGE_API_KEY for every worker`,
  );
}

/** The value of BGE_CACHE, unless it is an address with a user: workers have that in their own environment. */
function withoutPassword(cache: string | undefined): string | undefined {
  return cache === undefined || cache === "" || /^rediss?:\/\/[^/]*@/i.test(cache) ? undefined : cache;
}
