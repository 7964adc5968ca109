import { UnavailableError } from "../../errors.js";
import type { ProxySettings } from "../../network.js";
import type { Embedder, WindowVectors } from "../local/embedder.js";
import { normaliseInto } from "../normalise.js";
import type { EndpointAddress } from "./address.js";
import { answerText, readEmbeddings, refusesCount, refusesSize, shorterLength } from "./answer.js";
import { discoverModel, embeddingsBody, type LongTexts, refusal, type ServedModel } from "./discovery.js";
import { ENDPOINT_LIMITS, type EndpointLimits } from "./outage.js";
import { createEndpointRequests, type EndpointRequests } from "./requests.js";

/** Options of `openEndpoint`. */
export interface EndpointOptions {
  readonly address: EndpointAddress;
  /** Model to use if the server has several. */
  readonly model?: string;
  /** Most requests in flight at once. */
  readonly concurrency: number;
  /** Called with messages for the user, such as an outage or a text that may have been cut. */
  readonly note?: (message: string) => void;
  readonly limits?: EndpointLimits;
  /** Proxies that lead to the server; a server on this machine is reached directly. */
  readonly proxy?: ProxySettings;
  /** Stops the waiting for a server that does not answer yet. */
  readonly signal?: AbortSignal;
}

/** A server that has proved to work. */
export interface Endpoint {
  readonly served: ServedModel;
  /** Creates an embedder without asking the server again. The caller closes the embedder. */
  start(): Embedder;
}

/**
 * Most texts and UTF-16 units of a request: enough for a batch of a GPU. Sixteen such requests fit what a run holds at
 * once.
 */
const REQUEST = { texts: 64, chars: 8192 };

/** Special tokens of a text. In the vocabularies of BERT and XLM-R every other token covers at least one character. */
const SPECIAL_TOKENS = 2;

/**
 * Asks an OpenAI-compatible server, such as SGLang, vLLM, TEI or Infinity, for its health, model and dimension. The
 * vectors are as reproducible as the server makes them: on a GPU the last bits may depend on what the server computes
 * at the same time.
 * @throws UnavailableError if the server does not answer, refuses the key or gives no embedding; UsageError if a model
 * must be chosen
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
    // The token count of a request with a single text shows whether the server cut the text.
    aloneAbove: longTexts.kind === "cut" ? safe : REQUEST.chars,
  };
  let doubted = false;

  /**
   * Sends one request and writes the vectors to the rows of `window`. Returns the server's words if the request is too
   * large.
   */
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

  /**
   * Embeds the texts at `members` with as many requests as necessary. A refused request is halved; a single text that
   * is still too long is cut.
   */
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
        // Python cannot encode half a surrogate pair, and servers answer with status 500.
        inputs[row] = texts[row].replace(/\p{Surrogate}/gu, "\ufffd");
        // A text of white space has no direction, and several servers refuse a whole request because of it.
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

/** Number of characters up to which a text is certainly either embedded whole or refused. */
function certainChars(longTexts: LongTexts): number {
  if (longTexts.kind === "refused") return Number.POSITIVE_INFINITY;
  return (longTexts.kind === "cut" ? longTexts.tokens : longTexts.safe) - SPECIAL_TOKENS;
}

/** A window whose vectors are still arriving. */
interface OpenWindow extends Pick<WindowVectors, "vectors" | "directed" | "truncated"> {
  tokens: number;
}

/** Bounds of one request. */
interface RequestBounds {
  readonly texts: number;
  /** UTF-16 units of all texts together; a longer text is sent alone. */
  readonly chars: number;
  /** A text of more units is sent alone, because the server may cut or refuse it. */
  readonly aloneAbove: number;
}

/**
 * Plans requests for the texts at `members`, keeping neighbours together.
 * @returns for each request the indices of its texts
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
