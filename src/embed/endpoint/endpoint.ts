import type { ProxySettings } from "../../network.js";
import type { Embedder } from "../local/embedder.js";
import type { EndpointAddress } from "./address.js";
import { discoverModel, probeCall, type ServedModel } from "./discovery.js";
import { EndpointEmbedder } from "./endpoint-embedder.js";
import { ENDPOINT_LIMITS, type EndpointLimits } from "./outage.js";
import { createEndpointRequests } from "./requests.js";

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
 * Asks an OpenAI-compatible server, such as SGLang, vLLM, TEI or Infinity, for its health, model and dimension. The
 * vectors are as reproducible as the server makes them: on a GPU the last bits may depend on what the server computes
 * at the same time.
 * @throws UnavailableError if the server does not answer, refuses the key or gives no embedding; UsageError if a model
 * must be chosen
 */
export async function openEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const { address, model, concurrency, note = () => {}, limits = ENDPOINT_LIMITS, proxy, signal } = options;
  const common = { address, concurrency, limits, note, proxy };
  const requests = createEndpointRequests({ ...common, known: false });
  const stop = () => requests.fail(signal?.reason as Error);
  signal?.throwIfAborted();
  signal?.addEventListener("abort", stop);
  try {
    const served = await discoverModel(requests, address, model);
    return {
      served,
      start() {
        const probe = probeCall(address, served);
        const requests = createEndpointRequests({ ...common, known: true, probe });
        const embedder = new EndpointEmbedder({ requests, address, served, note });
        return {
          dim: served.dim,
          embed: (texts) => embedder.embed(texts),
          close: async () => requests.fail(new Error("the embedder was closed")),
        };
      },
    };
  } finally {
    signal?.removeEventListener("abort", stop);
    requests.fail(new Error("the endpoint was asked"));
  }
}
