import { UnavailableError } from "../../errors.js";
import type { HttpAnswer } from "./http.js";

/** An answer that arrived whole but cannot be right, such as half a JSON text. Another attempt may help. */
export class GarbledAnswerError extends Error {}

/** Most characters that a message quotes from a server. */
const QUOTED = 300;

/** Whether the body of an answer is a web page, as of a proxy, a login or a server of another kind. */
export function isPage(body: Buffer): boolean {
  return /^\s*<(!doctype|html)\b/i.test(body.toString("latin1", 0, 200));
}

/**
 * The error message in an answer: `error.message` of OpenAI and vLLM, `message` of SGLang and TEI, `error` of TEI,
 * `detail` of FastAPI, the title of a web page; otherwise the beginning of the body.
 */
export function answerText(body: Buffer): string {
  const text = body.toString("utf8");
  let said: unknown = text;
  if (isPage(body)) said = `a web page, ${/<title>([^<]*)/i.exec(text)?.[1] ?? "without a title"}`;
  try {
    const json = JSON.parse(text) as Record<string, unknown> | null;
    const { error, message, detail } = json ?? {};
    said = (error as { message?: unknown } | undefined)?.message ?? message ?? error ?? detail ?? text;
  } catch {}
  const words = typeof said === "string" ? said : JSON.stringify(said);
  return words.replace(/\s+/g, " ").trim().slice(0, QUOTED);
}

/** Phrases by which SGLang, vLLM, TEI, Infinity and OpenAI refuse an input because of its size. */
const SIZE = /token|context|too (long|large|many)|longer|length|exceed|batch size|at most \d/i;

/** Narrower phrases. Some servers, such as llama.cpp, send them under status 500, which otherwise means a failure. */
const PLAINLY_SIZE = /input.*too (long|large)/i;

/** Whether an answer refuses the request because of its size, so that a smaller request may pass. */
export function refusesSize({ status, body }: HttpAnswer): boolean {
  if (status === 400 || status === 422) return SIZE.test(answerText(body));
  return status === 413 || (status === 500 && PLAINLY_SIZE.test(answerText(body)));
}

/** Whether an answer that refuses the size refuses the number of inputs rather than the length of one. */
export function refusesCount({ body }: HttpAnswer): boolean {
  return /batch size [\d>]|too many inputs/i.test(answerText(body));
}

/**
 * Number of characters to keep of a text that was refused as too long. Most servers name both token counts, and their
 * ratio says how much to keep; otherwise three quarters are kept.
 * @param said the server's message
 * @returns fewer than the text has; 0 if nothing is left to try
 */
export function shorterLength(text: string, said: string): number {
  const numbers = [...new Set((said.match(/\d+/g) ?? []).map(Number))].sort((a, b) => b - a);
  const [given, limit] = numbers;
  // Two per cent less, because tokens are not spread evenly over the text.
  const share = limit !== undefined && limit > given / 1000 ? (limit / given) * 0.98 : 0.75;
  const length = Math.floor(text.length * share);
  return splitsPair(text, length) ? length - 1 : length;
}

/** Whether a cut would part a surrogate pair. */
function splitsPair(text: string, at: number): boolean {
  return at > 0 && /[\ud800-\udbff]/.test(text[at - 1]) && /[\udc00-\udfff]/.test(text[at] ?? "");
}

/** The vectors of an answer. */
export interface AnsweredVectors {
  /** In the order of the inputs, not scaled: float32 from base64, float64 from JSON. */
  readonly vectors: readonly ArrayLike<number>[];
  /** `usage.prompt_tokens`, 0 if it is missing. */
  readonly tokens: number;
}

/** The fields of an embeddings answer that are read, before they are checked. */
interface EmbeddingsJson {
  readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly total_tokens?: number };
}

/**
 * Reads the answer to an embeddings request. The vectors may come in any order.
 * @param count number of inputs of the request
 * @param name of the model, for messages
 * @throws GarbledAnswerError if the body is not JSON; UnavailableError if there is not exactly one vector for each
 * input, or if a vector does not consist of numbers
 */
export function readEmbeddings(body: Buffer, count: number, name: string): AnsweredVectors {
  const text = body.toString("utf8");
  let json: EmbeddingsJson;
  try {
    json = JSON.parse(text) as EmbeddingsJson;
  } catch (cause) {
    // Python writes NaN and Infinity, which JSON does not have.
    if (/[[,]\s*-?(NaN|Infinity)\b/.test(text)) throw notFinite(name);
    throw new GarbledAnswerError(`the answer is not JSON: ${(cause as Error).message}`);
  }
  const { data } = json;
  if (!Array.isArray(data)) {
    throw new UnavailableError(
      `the server's answer for model ${name} has no data but ${Object.keys(json ?? {}).join(", ") || "nothing"}; is it an embedding model?`,
    );
  }
  if (data.length !== count) {
    throw new UnavailableError(
      `model ${name} returned ${data.length} vectors for ${count} texts; expected one for each`,
    );
  }
  const vectors: ArrayLike<number>[] = new Array(count);
  for (let i = 0; i < count; i++) {
    const at = data[i].index ?? i;
    if (!Number.isInteger(at) || at < 0 || at >= count || vectors[at] !== undefined) {
      throw new UnavailableError(`model ${name} returned index ${at} among ${count} vectors; expected each once`);
    }
    vectors[at] = readVector(data[i].embedding, name);
  }
  const tokens = json.usage?.prompt_tokens ?? json.usage?.total_tokens ?? 0;
  return { vectors, tokens: Number.isFinite(tokens) ? tokens : 0 };
}

/** Reads a vector from base64 of little-endian float32 or from a list of numbers. */
function readVector(embedding: unknown, name: string): ArrayLike<number> {
  if (typeof embedding === "string") {
    const bytes = Buffer.from(embedding, "base64");
    if (bytes.length > 0 && bytes.length % 4 === 0) {
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }
  } else if (Array.isArray(embedding) && embedding.length > 0) {
    const values = new Float64Array(embedding.length);
    for (let i = 0; i < values.length; i++) {
      // SGLang and other servers write null for a NaN.
      if (typeof embedding[i] !== "number") throw notFinite(name);
      values[i] = embedding[i];
    }
    return values;
  }
  throw new UnavailableError(
    `model ${name} returned ${JSON.stringify(embedding)?.slice(0, 40)} as a vector; expected a list of numbers or base64 of float32`,
  );
}

function notFinite(name: string): UnavailableError {
  return new UnavailableError(
    `model ${name} returned a vector with NaN or infinity; serve it with another dtype, such as float32`,
  );
}
