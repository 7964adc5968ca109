import { UnavailableError, UsageError } from "../../errors.js";
import type { EndpointAddress } from "./address.js";
import { isPage } from "./answer.js";
import type { HttpAnswer } from "./http.js";
import { refusal } from "./refusal.js";
import type { EndpointRequests } from "./requests.js";

/** What `/models` and TEI's `/info` tell. */
export interface Listing {
  readonly base: string;
  readonly models: readonly { readonly id: string; readonly maxTokens?: number }[];
  readonly maxTexts?: number;
  /** The answer that arrived instead of a list, if there was no list. */
  readonly instead?: HttpAnswer;
}

/**
 * Lists the models of the server: `/models` below each base URL in turn, and TEI's `/info` if the limits are still
 * unknown.
 * @throws UnavailableError if the server refuses the key
 */
export async function listModels(requests: EndpointRequests, address: EndpointAddress): Promise<Listing> {
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
 * @throws UsageError if the server has several models, or names none, and none was named; UnavailableError if the
 * server lacks the wanted model
 */
export function chooseModel(
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
