import assert from "node:assert/strict";
import { after } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { type Endpoint, openEndpoint } from "../../src/embed/endpoint/endpoint.js";
import type { EndpointLimits } from "../../src/embed/endpoint/outage.js";
import {
  type EmbeddingServer,
  type Flavour,
  type ServerOptions,
  startEmbeddingServer,
  vectorOf,
} from "./endpoint-server.js";

/** Components of the vectors of these servers. */
export const DIM = 16;

/** Patience that ends within a test. */
export const QUICK: EndpointLimits = {
  firstMs: 4,
  longestMs: 30,
  timeoutMs: 10_000,
  patienceMs: 400,
  firstContactMs: 100,
  attempts: 4,
};

/** What starts servers, of this flavour unless they are given another; they end with the tests of the file that asks. */
export function serversOf(flavour: Flavour): (options?: Partial<ServerOptions>) => Promise<EmbeddingServer> {
  const servers: EmbeddingServer[] = [];
  after(() => Promise.all(servers.map((server) => server.kill().catch(() => {}))));
  return async (options = {}) => {
    const server = await startEmbeddingServer({ flavour, dim: DIM, ...options });
    servers.push(server);
    return server;
  };
}

/** Opens a server with little patience, and forgets the requests that it took. */
export async function openQuick(
  server: EmbeddingServer,
  options: {
    model?: string;
    concurrency?: number;
    key?: string;
    url?: string;
    /** Takes what is said. */
    notes?: string[];
    limits?: Partial<EndpointLimits>;
  } = {},
): Promise<Endpoint> {
  const endpoint = await openEndpoint({
    address: parseEndpoint(options.url ?? server.url, options.key),
    model: options.model,
    concurrency: options.concurrency ?? 16,
    note: (message) => options.notes?.push(message),
    limits: { ...QUICK, ...options.limits },
  });
  server.received.length = 0;
  return endpoint;
}

/** The vector of a text by an independent way: float64, then rounded once. */
function unit(text: string): Float32Array {
  const vector = Array.from(Float32Array.from(vectorOf(text, DIM)));
  const norm = Math.hypot(...vector);
  return Float32Array.from(vector, (x) => x / norm);
}

/** Asserts that these are the unit vectors of these texts, in their order. */
export function assertVectors(vectors: Float32Array, texts: readonly string[]): void {
  texts.forEach((text, i) => {
    const expected = unit(text);
    for (let c = 0; c < DIM; c++) {
      assert.ok(Math.abs(vectors[i * DIM + c] - expected[c]) < 1e-7, `component ${c} of ${JSON.stringify(text)}`);
    }
  });
}
