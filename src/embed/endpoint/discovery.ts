import { UnavailableError, UsageError } from "../../errors.js";
import type { EndpointAddress } from "./address.js";
import { answerText, isPage, readEmbeddings, refusesSize } from "./answer.js";
import type { HttpAnswer } from "./http.js";
import type { EndpointRequests } from "./requests.js";

/** How vectors come: four bytes a component, or as text where the server knows nothing better. */
export type EncodingFormat = "base64" | "float";

/**
 * What becomes of a text that is longer than the model takes: the server refuses it, or cuts it and then counts `tokens`, or
 * it cannot be known for texts of more than `safe` tokens.
 */
export type LongTexts =
  | { readonly kind: "refused" }
  | { readonly kind: "cut"; readonly tokens: number }
  | { readonly kind: "unknown"; readonly safe: number };

/** What a server tells of itself and what a probe shows. */
export interface ServedModel {
  /** As the server calls it; sent with every request. */
  readonly name: string;
  /** Base URL below which `/embeddings` answers. */
  readonly base: string;
  readonly dim: number;
  readonly encoding: EncodingFormat;
  /** Longest input in tokens, where the server tells. */
  readonly maxTokens?: number;
  readonly longTexts: LongTexts;
  /** False where `usage` turned out to count characters, as Infinity's does unless it is told otherwise. */
  readonly countsTokens: boolean;
  /** Most inputs of a request, where the server tells. */
  readonly maxTexts?: number;
}

/** What `/models` and TEI's `/info` say. */
interface Listing {
  readonly base: string;
  readonly models: readonly { readonly id: string; readonly maxTokens?: number }[];
  readonly maxTexts?: number;
  /** What came in place of a list, where none came. */
  readonly instead?: HttpAnswer;
}

/** Text of the first request; short, so that the slowest server answers at once. */
const PROBE = "hello";

/** Input length of most embedding models. */
const USUAL_TOKENS = 512;

/** Tokens of the long probe where the server does not tell its limit, and the most that it may cost. */
const LONG_PROBE = { usual: 2048, most: 16_384 };

/** Words by which the long probe is longer than the limit. */
const BEYOND = 8;

/**
 * Asks the server whether it is well, which model it serves and what its vectors look like: `/health`, then `/models`, then
 * TEI's `/info` where the limits are still unknown, then embeddings of a word and of a text that is too long.
 * @param wanted value of `--endpoint-model`
 * @throws UsageError where the server has several models and none was named; UnavailableError naming the cure
 */
export async function discoverModel(
  requests: EndpointRequests,
  address: EndpointAddress,
  wanted: string | undefined,
): Promise<ServedModel> {
  // A server that is still loading answers 503 here, which is waited for; one without this path, 404, is taken as well.
  await requests.call({ url: address.besides("health"), read: () => undefined });
  const listing = await listModels(requests, address);
  const { id: name, maxTokens } = chooseModel(listing, wanted, address);
  const { base, maxTexts } = listing;
  for (const encoding of ["base64", "float"] as const) {
    const isBase64 = encoding === "base64";
    const probed = await requests.call({
      url: address.at(base, "embeddings"),
      body: () => embeddingsBody(name, [PROBE], encoding),
      // Some refuse base64 and do not say that this is why.
      takes: (status) => isBase64 && status === 500,
      read(answer) {
        const { status } = answer;
        if (status === 200 && !isPage(answer.body)) return readEmbeddings(answer.body, 1, name);
        if (isBase64 && (status === 400 || status === 422 || status === 500)) return undefined;
        throw refusal(answer, address, `model ${name} gives no embedding`);
      },
    });
    if (probed === undefined) continue;
    const dim = probed.vectors[0].length;
    const url = address.at(base, "embeddings");
    const long = await probeLongText(requests, { url, name, encoding, maxTokens, fewest: probed.tokens });
    return { name, base, dim, encoding, maxTokens, ...long, maxTexts };
  }
  throw new UnavailableError(`${address.shown} gives no embedding`);
}

/**
 * Embeds more words than the model takes. Each is at least one token, so a lower count shows that the server has cut, and
 * where; a count near that of the characters is none of tokens, nor is one that is the same for a single word.
 * @param probe.fewest tokens that the server counts for a word
 */
async function probeLongText(
  requests: EndpointRequests,
  probe: { url: URL; name: string; encoding: EncodingFormat; maxTokens?: number; fewest: number },
): Promise<Pick<ServedModel, "longTexts" | "countsTokens">> {
  const { url, name, encoding, maxTokens, fewest } = probe;
  const words = (maxTokens ?? LONG_PROBE.usual) + BEYOND;
  if (words > LONG_PROBE.most) {
    return { longTexts: { kind: "unknown", safe: LONG_PROBE.most }, countsTokens: true };
  }
  const text = "a ".repeat(words).trimEnd();
  return requests.call({
    url,
    takes: () => true,
    body: () => embeddingsBody(name, [text], encoding),
    read(answer): Pick<ServedModel, "longTexts" | "countsTokens"> {
      const usual = Math.min(USUAL_TOKENS, maxTokens ?? USUAL_TOKENS);
      const unknown = (safe: number, countsTokens = true) => ({
        longTexts: { kind: "unknown", safe } as const,
        countsTokens,
      });
      if (refusesSize(answer)) return { longTexts: { kind: "refused" }, countsTokens: true };
      if (answer.status !== 200) return unknown(usual);
      const { tokens } = readEmbeddings(answer.body, 1, name);
      if (tokens === 0) return unknown(usual);
      if (tokens <= fewest || tokens >= words * 1.5) return unknown(usual, false);
      return tokens < words ? { longTexts: { kind: "cut", tokens }, countsTokens: true } : unknown(words);
    },
  });
}

/** Body of an embeddings request. */
export function embeddingsBody(model: string, input: readonly string[], encoding: EncodingFormat): object {
  return { model, input, encoding_format: encoding };
}

/** An answer that no other attempt changes, as an error with the server's own words and the cure. */
export function refusal(answer: HttpAnswer, { shown, redact }: EndpointAddress, what: string): UnavailableError {
  const { status, body } = answer;
  const said = redact(answerText(body));
  if (status === 401 || status === 403) {
    return new UnavailableError(
      `${shown} refuses the key (status ${status}): ${said}; set BGE_API_KEY to one that it takes`,
    );
  }
  const elsewhere = status >= 300 && status < 400 ? redirection(answer, shown) : undefined;
  const cure =
    elsewhere !== undefined
      ? `it sends on to ${redact(elsewhere)}; give that to --endpoint`
      : status === 404 || isPage(body)
        ? "--endpoint should end where /models and /embeddings begin, as in http://host:30000/v1"
        : "see the server's log; it has to serve an embedding model";
  return new UnavailableError(`${shown}: ${what} (status ${status}): ${said}; ${cure}`);
}

/** Base URL that an answer sends on to. Not followed: a key must not go to another host, nor a POST become a GET. */
function redirection({ headers: { location = "" } }: HttpAnswer, shown: string): string | undefined {
  if (!URL.canParse(location, shown)) return undefined;
  const { origin, pathname } = new URL(location, shown);
  return origin + pathname.replace(/\/+(models|embeddings)?\/*$/, "");
}

async function listModels(requests: EndpointRequests, address: EndpointAddress): Promise<Listing> {
  const [usual] = address.bases;
  let listing: Listing = { base: usual, models: [] };
  for (const base of address.bases) {
    const models = await requests.call({
      url: address.at(base, "models"),
      read(answer) {
        if (answer.status === 401 || answer.status === 403)
          throw refusal(answer, address, "its models cannot be listed");
        return (answer.status === 200 ? readModels(answer.body) : undefined) ?? answer;
      },
    });
    if ("body" in models) {
      listing = { ...listing, instead: listing.instead ?? models };
      continue;
    }
    listing = { base, models };
    break;
  }
  if (listing.models.length > 0 && listing.models.every(({ maxTokens }) => maxTokens !== undefined)) return listing;
  const info = await requests.call({
    url: address.besides("info"),
    read: ({ status, body }) => (status === 200 ? parseJson(body) : undefined),
  });
  if (typeof info?.model_id !== "string") return listing;
  const maxTokens = positive(info.max_input_length);
  const models = listing.models.length > 0 ? listing.models : [{ id: info.model_id }];
  return {
    base: listing.base,
    models: models.map(({ id }) => ({ id, maxTokens })),
    maxTexts: positive(info.max_client_batch_size),
  };
}

function readModels(body: Buffer): Listing["models"] | undefined {
  const data = parseJson(body)?.data;
  if (!Array.isArray(data)) return undefined;
  const entries = data as { id?: unknown; max_model_len?: unknown }[];
  return entries.flatMap(({ id, max_model_len }) =>
    typeof id === "string" ? [{ id, maxTokens: positive(max_model_len) }] : [],
  );
}

/** The model asked for, by its name or the last part of it, since SGLang calls a model by its path; else the only one. */
function chooseModel(
  { models, instead }: Listing,
  wanted: string | undefined,
  address: EndpointAddress,
): Listing["models"][number] {
  const { shown } = address;
  const names = models.map(({ id }) => id).join(", ");
  if (wanted === undefined) {
    if (models.length === 1) return models[0];
    if (models.length > 0) {
      throw new UsageError(`${shown} serves several models: ${names}; choose one with --endpoint-model`);
    }
    if (instead !== undefined && (isPage(instead.body) || (instead.status >= 300 && instead.status < 400))) {
      throw refusal(instead, address, "it gives no list of models");
    }
    const status = instead === undefined ? "" : ` (/models: status ${instead.status})`;
    throw new UsageError(
      `${shown} does not say which model it serves${status}; name it with --endpoint-model, or correct --endpoint, which should end ` +
        "where /models and /embeddings begin, as in http://host:30000/v1",
    );
  }
  // A server without a list is believed to know the name.
  if (models.length === 0) return { id: wanted };
  const exact = models.find(({ id }) => id === wanted);
  const alike = models.filter(({ id }) => lastPart(id) === lastPart(wanted));
  if (exact !== undefined || alike.length === 1) return exact ?? alike[0];
  throw new UnavailableError(`${shown} does not serve model ${wanted} (--endpoint-model); it serves ${names}`);
}

function lastPart(name: string): string | undefined {
  return name.toLowerCase().split("/").filter(Boolean).at(-1);
}

function parseJson(body: Buffer): Record<string, unknown> | undefined {
  try {
    return (JSON.parse(body.toString("utf8")) as Record<string, unknown> | null) ?? undefined;
  } catch {
    return undefined;
  }
}

function positive(value: unknown): number | undefined {
  return typeof value === "number" && value > 0 ? value : undefined;
}
