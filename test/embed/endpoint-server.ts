import "../run/no-cache.js";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";

/** Whose manners a server has. */
export type Flavour = "sglang" | "vllm" | "tei" | "infinity";

/** What a fault does to one embeddings request in place of, or after, the right answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  /** The connection ends before any byte, or in the middle of the body. */
  | "reset"
  | "half"
  /** The body ends early but says that it is whole. */
  | "truncated"
  /** No answer at all. */
  | "silence"
  /** Another payload, as an object or as the text itself. */
  | { readonly change: (payload: Payload) => unknown };

/** A right answer. */
export interface Payload {
  object: string;
  data: { object: string; index: number; embedding: number[] | string | null | (number | null)[] }[];
  model: string;
  usage: { prompt_tokens: number; total_tokens: number };
}

/** An embeddings request as it came. */
export interface Received {
  readonly input: readonly string[];
  readonly encoding: unknown;
  readonly model: unknown;
  readonly authorization: string | undefined;
}

/** A running server. */
export interface EmbeddingServer {
  /** As given to --endpoint. */
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  /** Requests under way at once, at most. */
  readonly peak: () => number;
  /** Taken in order, one a request; `undefined` lets a request pass. */
  readonly faults: (Fault | undefined)[];
  /** Status of /health. */
  health: number;
  /** Ends it as `kill -9` does: connections break. */
  kill(): Promise<void>;
}

/** How a server is set up. */
export interface ServerOptions {
  readonly flavour: Flavour;
  readonly models?: readonly string[];
  readonly dim?: number;
  readonly maxTokens?: number;
  readonly maxTexts?: number;
  readonly key?: string;
  readonly port?: number;
  /** Milliseconds of an answer. */
  readonly delay?: number;
  /** A fault that depends on the input; goes before `faults`. */
  readonly faultOf?: (input: readonly string[]) => Fault | undefined;
  /** The vector of a text (`vectorOf` with `dim` components). */
  readonly embed?: (text: string) => number[];
  /** TEI and SGLang cut instead of refusing where they are told to. */
  readonly autoTruncate?: boolean;
}

/** The vector of a text, not normalised: a function of the text alone. */
export function vectorOf(text: string, dim: number): number[] {
  const bytes = createHash("shake256", { outputLength: dim }).update(text).digest();
  return Array.from(bytes, (byte) => (byte - 127.5) / 32);
}

/** Tokens of a text: its words and two special ones. */
export function tokensOf(text: string): number {
  return text.trim().split(/\s+/).length + 2;
}

/** The first words of a text that a model with such a limit takes. */
export function cutTo(text: string, maxTokens: number): string {
  return text
    .trim()
    .split(/\s+/)
    .slice(0, maxTokens - 2)
    .join(" ");
}

/** Starts a server on this machine that answers as the named one does, in the parts that a client sees. */
export async function startEmbeddingServer(options: ServerOptions): Promise<EmbeddingServer> {
  const { flavour, models = ["bge-small-zh-v1.5"], dim = 16, maxTokens = 512, maxTexts, key, delay = 0 } = options;
  const { embed = (text) => vectorOf(text, dim) } = options;
  const { autoTruncate = flavour === "tei" || flavour === "infinity" } = options;
  const prefix = flavour === "infinity" ? "" : "/v1";
  const received: Received[] = [];
  const faults: (Fault | undefined)[] = [];
  const sockets = new Set<Socket>();
  let running = 0;
  let peak = 0;

  const json = (response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);
  };
  /** An error in the shape of the flavour. */
  const fails = (response: ServerResponse, status: number, message: string) => {
    if (flavour === "vllm" || flavour === "infinity") {
      return json(response, status, { error: { message, type: "BadRequestError", param: null, code: status } });
    }
    if (flavour === "tei") return json(response, status, { message, code: status, type: "Validation" });
    return json(response, status, { object: "error", message, type: "BadRequestError", param: null, code: status });
  };
  const tooLong = (tokens: number) =>
    ({
      sglang: `The input (${tokens} tokens) is longer than the model's context length (${maxTokens} tokens).`,
      vllm: `This model's maximum context length is ${maxTokens} tokens. However, you requested ${tokens} tokens in the input for embedding generation. Please reduce the length of the input.`,
      tei: `Input validation error: \`inputs\` must have less than ${maxTokens} tokens. Given: ${tokens}`,
      infinity: "",
    })[flavour];

  const embeddings = async (request: IncomingMessage, response: ServerResponse) => {
    const body = JSON.parse(await bodyOf(request)) as { input: string[]; encoding_format?: string; model?: string };
    const { input, encoding_format: encoding, model } = body;
    received.push({ input, encoding, model, authorization: request.headers.authorization });
    const fault = options.faultOf?.(input) ?? faults.shift();
    if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
    if (fault === "silence") return;
    if (fault === "reset") return request.socket.resetAndDestroy();
    if (typeof fault === "object" && "status" in fault)
      return json(response, fault.status, fault.body ?? "", fault.headers);
    if (input.some((text) => text.trim() === "")) return fails(response, 422, "`inputs` cannot be empty");
    if (maxTexts !== undefined && input.length > maxTexts) {
      return fails(response, 413, `batch size ${input.length} > maximum allowed batch size ${maxTexts}`);
    }
    const longest = Math.max(...input.map(tokensOf));
    if (longest > maxTokens && !autoTruncate) return fails(response, flavour === "tei" ? 413 : 400, tooLong(longest));
    const texts = autoTruncate ? input.map((text) => cutTo(text, maxTokens)) : input;
    const tokens = (flavour === "infinity" ? input.map(({ length }) => length) : texts.map(tokensOf)).reduce(
      (a, b) => a + b,
      0,
    );
    const coded = encoding === "base64" && flavour !== "sglang";
    const data = texts.map((text, index) => {
      const vector = embed(text);
      const embedding = coded ? Buffer.from(Float32Array.from(vector).buffer).toString("base64") : vector;
      return { object: "embedding", index, embedding };
    });
    // No promise is made of the order.
    data.sort((a, b) => ((a.index * 7) % 11) - ((b.index * 7) % 11));
    const payload: Payload = {
      object: "list",
      data,
      model: model ?? models[0],
      usage: { prompt_tokens: tokens, total_tokens: tokens },
    };
    if (typeof fault === "object") return json(response, 200, fault.change(payload));
    const text = JSON.stringify(payload);
    if (fault === "truncated") return json(response, 200, text.slice(0, text.length / 2));
    if (fault === "half") {
      response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
      response.write(text.slice(0, text.length / 2), () => request.socket.resetAndDestroy());
      return;
    }
    json(response, 200, text);
  };

  const server = createServer(async (request, response) => {
    const path = new URL(request.url ?? "/", "http://server").pathname;
    if (path === "/health") return void response.writeHead(handle.health).end();
    if (path === "/info" && flavour === "tei") {
      return json(response, 200, {
        model_id: models[0],
        model_dtype: "float16",
        max_input_length: maxTokens,
        max_client_batch_size: maxTexts ?? 32,
        auto_truncate: autoTruncate,
      });
    }
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) {
      // Some servers repeat what they were given.
      return json(response, 401, { error: `Unauthorized: ${request.headers.authorization}` });
    }
    if (path === `${prefix}/models` && flavour !== "tei") {
      const limit = flavour === "infinity" ? {} : { max_model_len: maxTokens };
      return json(response, 200, {
        object: "list",
        data: models.map((id) => ({ id, object: "model", created: 1, owned_by: flavour, root: id, ...limit })),
      });
    }
    if (path !== `${prefix}/embeddings` || request.method !== "POST")
      return json(response, 404, { detail: "Not Found" });
    peak = Math.max(peak, ++running);
    response.on("close", () => running--);
    await embeddings(request, response);
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const handle: EmbeddingServer = {
    url: `http://127.0.0.1:${port}${prefix}`,
    port,
    received,
    peak: () => peak,
    faults,
    health: 200,
    async kill() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.resetAndDestroy();
      await closed;
    },
  };
  return handle;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
