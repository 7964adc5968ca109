import { UnavailableError } from "../../errors.js";
import type { EndpointAddress } from "./address.js";
import { isPage, readEmbedding, readEmbeddings, refusesSize } from "./answer.js";
import { chooseModel, listModels } from "./listing.js";
import { refusal } from "./refusal.js";
import type { EndpointCall, EndpointRequests } from "./requests.js";

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
        if (status === 200 && !isPage(answer.body)) return readEmbedding(answer.body, name);
        if (isBase64 && (status === 400 || status === 422 || status === 500)) return undefined;
        throw refusal(answer, address, `model ${name} gives no embedding`);
      },
    });
    if (probed === undefined) continue;
    const dim = probed.vector.length;
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

/**
 * A request for the word of the first probe, which the server has embedded before. As long as it succeeds, the server
 * works, and whatever fails beside it fails for a reason of its own.
 * @throws UnavailableError from `read` if the server refuses even this word
 */
export function probeCall(address: EndpointAddress, { name, base, encoding }: ServedModel): EndpointCall<void> {
  return {
    url: address.at(base, "embeddings"),
    body: () => embeddingsBody(name, [PROBE], encoding),
    read(answer) {
      if (answer.status !== 200 || isPage(answer.body)) {
        throw refusal(answer, address, `model ${name} gives no embedding any more`);
      }
      readEmbedding(answer.body, name);
    },
  };
}

/** Returns the body of an embeddings request. */
export function embeddingsBody(model: string, input: readonly string[], encoding: EncodingFormat): object {
  return { model, input, encoding_format: encoding };
}
