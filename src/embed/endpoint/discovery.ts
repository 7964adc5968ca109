import { UnavailableError, UsageError } from "../../errors.js";
import type { EndpointAddress } from "./address.js";
import { answerText, isPage, readEmbeddings, refusesSize } from "./answer.js";
import type { HttpAnswer } from "./http.js";
import type { EndpointRequests } from "./requests.js";

/** Encoding of vectors: base64 takes four bytes a component; "float" is text, for servers that do not know base64. */
export type EncodingFormat = "base64" | "float";

/**
 * What the server does with a text that is longer than the model takes. The server refuses the text; or it cuts the
 * text and then counts `tokens`; or the behaviour is unknown for texts of more than `safe` tokens.
 */
export type LongTexts =
  | { readonly kind: "refused" }
  | { readonly kind: "cut"; readonly tokens: number }
  | { readonly kind: "unknown"; readonly safe: number };

/** A model as the server describes it and as a probe shows it. */
export interface ServedModel {
  /** The server's name of the model, sent with every request. */
  readonly name: string;
  /** Base URL below which `/embeddings` answers. */
  readonly base: string;
  readonly dim: number;
  readonly encoding: EncodingFormat;
  /** Longest input in tokens; absent if the server does not tell. */
  readonly maxTokens?: number;
  readonly longTexts: LongTexts;
  /** False if `usage` turned out to count characters, as that of Infinity does by default. */
  readonly countsTokens: boolean;
  /** Most inputs of a request; absent if the server does not tell. */
  readonly maxTexts?: number;
}

/** What `/models` and TEI's `/info` tell. */
interface Listing {
  readonly base: string;
  readonly models: readonly { readonly id: string; readonly maxTokens?: number }[];
  readonly maxTexts?: number;
  /** The answer that arrived instead of a list, if there was no list. */
  readonly instead?: HttpAnswer;
}

/** Text of the first request, short enough for the slowest server. */
const PROBE = "hello";

/** Input length of most embedding models, in tokens. */
const USUAL_TOKENS = 512;

/** Tokens of the long probe if the server does not tell its limit, and the most tokens that the probe may cost. */
const LONG_PROBE = { usual: 2048, most: 16_384 };

/** Number of words by which the long probe exceeds the limit. */
const BEYOND = 8;

/**
 * Asks the server for its health, its model and the form of its vectors: first `/health`, then `/models`, then TEI's
 * `/info` if the limits are still unknown, then the embeddings of one word and of a text that is too long.
 * @param wanted value of `--endpoint-model`
 * @throws UsageError if the server has several models and none was named; UnavailableError with the cure
 */
export async function discoverModel(
  requests: EndpointRequests,
  address: EndpointAddress,
  wanted: string | undefined,
): Promise<ServedModel> {
  // A server that is still loading answers 503, and the request waits for it. A 404 is accepted: not every server has
  // this path.
  await requests.call({ url: address.besides("health"), read: () => undefined });
  const listing = await listModels(requests, address);
  const { id: name, maxTokens } = chooseModel(listing, wanted, address);
  const { base, maxTexts } = listing;
  for (const encoding of ["base64", "float"] as const) {
    const isBase64 = encoding === "base64";
    const probed = await requests.call({
      url: address.at(base, "embeddings"),
      body: () => embeddingsBody(name, [PROBE], encoding),
      // Some servers refuse base64 with status 500 and do not give the reason.
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
 * Embeds more words than the model takes. Each word is at least one token, so a lower count shows that the server has
 * cut the text, and where. A count near the number of characters does not count tokens, and neither does a count that
 * equals that of a single word.
 * @param probe.fewest tokens that the server counts for one word
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

/** Returns the body of an embeddings request. */
export function embeddingsBody(model: string, input: readonly string[], encoding: EncodingFormat): object {
  return { model, input, encoding_format: encoding };
}

/**
 * Turns an answer that another attempt would not change into an error with the server's own words and the cure.
 * @param what the action that failed, for the message
 */
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

/**
 * Base URL to which an answer redirects. The redirect is not followed: a key must not go to another host, and a POST
 * must not become a GET.
 */
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

/**
 * Chooses the wanted model by its name or by the last part of the name, since SGLang names a model by its path. Without
 * a wanted name, the only model is chosen.
 */
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
  // A server that lists no models is trusted to know the name.
  if (models.length === 0) return { id: wanted };
  const exact = models.find(({ id }) => id === wanted);
  const alike = models.filter(({ id }) => lastPart(id) === lastPart(wanted));
  if (exact !== undefined || alike.length === 1) return exact ?? alike[0];
  throw new UnavailableError(`${shown} does not serve model ${wanted} (--endpoint-model); it serves ${names}`);
}

/** The part of a name or path behind the last slash, in small letters. */
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
