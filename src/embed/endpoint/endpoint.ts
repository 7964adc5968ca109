import { UnavailableError } from "../../errors.js";
import type { ProxySettings } from "../../network.js";
import type { Embedder, WindowVectors } from "../local/embedder.js";
import { normaliseInto } from "../normalise.js";
import type { EndpointAddress } from "./address.js";
import { answerText, readEmbeddings, refusesCount, refusesSize, shorterLength } from "./answer.js";
import { discoverModel, embeddingsBody, type LongTexts, refusal, type ServedModel } from "./discovery.js";
import { ENDPOINT_LIMITS, type EndpointLimits } from "./outage.js";
import { createEndpointRequests, type EndpointRequests } from "./requests.js";

/** How an endpoint is used. */
export interface EndpointOptions {
  readonly address: EndpointAddress;
  /** Model to use where the server has several. */
  readonly model?: string;
  /** Most requests under way at once. */
  readonly concurrency: number;
  /** Told of what a person should know: outages, texts that may have been cut. */
  readonly note?: (message: string) => void;
  readonly limits?: EndpointLimits;
  /** Proxies that lead to it; a server on this machine is reached without. */
  readonly proxy?: ProxySettings;
  /** Breaks off the waiting for a server that is not there yet. */
  readonly signal?: AbortSignal;
}

/** A server that has shown that it works. */
export interface Endpoint {
  readonly served: ServedModel;
  /** A new embedder on it; the server is not asked again. */
  start(): Embedder;
}

/** Texts and UTF-16 units of a request: enough for a GPU's batch, and sixteen of them fit what a run holds at once. */
const REQUEST = { texts: 64, chars: 8192 };

/** A token covers at least one character in the vocabularies of BERT and XLM-R, and two tokens are special. */
const SPECIAL_TOKENS = 2;

/**
 * Asks an OpenAI-compatible server for its health, model and dimension: SGLang, vLLM, TEI, Infinity and their like. Its
 * vectors are as reproducible as it makes them: on a GPU the last bits may depend on what it computes at the same time.
 * @throws UnavailableError where it does not answer, refuses the key or gives no embedding; UsageError where the model must
 * be chosen
 */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { address, model, concurrency, note = () => {}, limits = ENDPOINT_LIMITS, proxy, signal } = options;
  const connect = (known: boolean) => createEndpointRequests({ address, known, concurrency, limits, note, proxy });
  const requests = connect(false);
  const stop = () => requests.fail(signal?.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop);
  try {
    const served = await discoverModel(requests, address, model);
    return { served, start: () => createEmbedder(connect(true), address, served, note) };
  } finally {
    signal?.removeEventListener("abort", stop);
    requests.fail(new Error("the endpoint was asked"));
  }
}

function createEmbedder(
  requests: EndpointRequests,
  address: EndpointAddress,
  served: ServedModel,
  note: (message: string) => void,
): Embedder {
  const { name, dim, base, encoding, longTexts } = served;
  const url = address.at(base, "embeddings");
  const safe = certainChars(longTexts);
  let bounds: RequestBounds = {
    texts: Math.min(REQUEST.texts, served.maxTexts ?? REQUEST.texts),
    chars: REQUEST.chars,
    // Alone, its token count shows whether the server cut it.
    aloneAbove: longTexts.kind === "cut" ? safe : REQUEST.chars,
  };
  let doubted = false;

  /** One request; what it gives goes to the rows of `window`. Returns the server's words where it is too large. */
  const send = (members: readonly number[], inputs: readonly string[], window: OpenWindow) =>
    requests.call({
      url,
      body: () =>
        embeddingsBody(
          name,
          members.map((member) => inputs[member]),
          encoding,
        ),
      read(answer) {
        if (answer.status !== 200) {
          if (!refusesSize(answer)) throw refusal(answer, address, `model ${name} refused ${members.length} texts`);
          const halved = Math.ceil(members.length / 2);
          if (refusesCount(answer) && halved < bounds.texts) bounds = { ...bounds, texts: halved };
          return { refused: address.redact(answerText(answer.body)) };
        }
        const { vectors, tokens } = readEmbeddings(answer.body, members.length, name);
        for (let i = 0; i < members.length; i++) {
          if (vectors[i].length !== dim) {
            throw new UnavailableError(
              `model ${name} returned a vector of ${vectors[i].length} dimensions after others of ${dim}; is more than one model behind ${address.shown}?`,
            );
          }
          const row = members[i];
          if (normaliseInto(vectors[i], 0, window.vectors, row * dim, dim, name)) window.directed[row] = 1;
        }
        if (served.countsTokens) window.tokens += tokens;
        return { tokens };
      },
    });

  /** Embeds the texts at `members` by as many requests as it takes, cutting a text that is too long even alone. */
  const embedMembers = async (members: readonly number[], inputs: string[], window: OpenWindow): Promise<void> => {
    const { refused, tokens } = await send(members, inputs, window);
    const [row] = members;
    if (refused === undefined) {
      if (longTexts.kind === "cut") {
        if (inputs[row].length > safe && tokens >= longTexts.tokens) window.truncated[row] = 1;
      } else if (!doubted && members.some((member) => inputs[member].length > safe)) {
        doubted = true;
        note(
          `${address.shown} does not tell how long a text may be: it may cut those of more than ${safe} characters, which "truncated" does not count`,
        );
      }
      return;
    }
    if (members.length > 1) {
      const half = Math.ceil(members.length / 2);
      await Promise.all([
        embedMembers(members.slice(0, half), inputs, window),
        embedMembers(members.slice(half), inputs, window),
      ]);
      return;
    }
    const length = shorterLength(inputs[row], refused);
    if (length < 1) {
      throw new UnavailableError(`model ${name} refuses even a text of ${inputs[row].length} characters: ${refused}`);
    }
    inputs[row] = inputs[row].slice(0, length);
    window.truncated[row] = 1;
    await embedMembers(members, inputs, window);
  };

  return {
    dim,
    async embed(texts) {
      const inputs: string[] = new Array(texts.length);
      const members: number[] = [];
      for (let row = 0; row < texts.length; row++) {
        // Python cannot encode half a surrogate pair, and servers answer 500.
        inputs[row] = texts[row].replace(/\p{Surrogate}/gu, "\ufffd");
        // Without a word there is nothing to embed; several servers refuse the whole request for it.
        if (/\S/.test(inputs[row])) members.push(row);
      }
      const window: OpenWindow = {
        vectors: new Float32Array(texts.length * dim),
        directed: new Uint8Array(texts.length),
        truncated: new Uint8Array(texts.length),
        tokens: 0,
      };
      try {
        await Promise.all(planRequests(inputs, members, bounds).map((plan) => embedMembers(plan, inputs, window)));
      } catch (error) {
        requests.fail(error as Error);
        throw error;
      }
      return { ...window, paddedTokens: window.tokens };
    },
    async close() {
      requests.fail(new Error("the embedder was closed"));
    },
  };
}

/** Characters up to which a text is certainly embedded whole or refused. */
function certainChars(longTexts: LongTexts): number {
  if (longTexts.kind === "refused") return Number.POSITIVE_INFINITY;
  return (longTexts.kind === "cut" ? longTexts.tokens : longTexts.safe) - SPECIAL_TOKENS;
}

/** A window whose vectors are still coming in. */
interface OpenWindow extends Pick<WindowVectors, "vectors" | "directed" | "truncated"> {
  tokens: number;
}

/** Bounds of one request. */
interface RequestBounds {
  readonly texts: number;
  /** UTF-16 units of all texts; a longer one goes alone. */
  readonly chars: number;
  /** A text of more units than this goes alone, because the server may cut or refuse it. */
  readonly aloneAbove: number;
}

/**
 * Requests for the texts at `members`, neighbours together: lists of positions in `texts`.
 */
function planRequests(texts: readonly string[], members: readonly number[], bounds: RequestBounds): number[][] {
  const requests: number[][] = [];
  let open: number[] = [];
  let chars = 0;
  for (const member of members) {
    const { length } = texts[member];
    if (length > bounds.aloneAbove) {
      requests.push([member]);
      continue;
    }
    if (open.length === bounds.texts || (open.length > 0 && chars + length > bounds.chars)) {
      requests.push(open);
      open = [];
      chars = 0;
    }
    open.push(member);
    chars += length;
  }
  if (open.length > 0) requests.push(open);
  return requests;
}
