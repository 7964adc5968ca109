import { UnavailableError } from "../../errors.js";
import type { HttpAnswer } from "./http.js";

/** An answer that arrived whole but cannot be right, such as half a JSON text. Another attempt may help. */
export class GarbledAnswerError extends Error {}

/** An answer that holds no vectors for its request. Another attempt would bring the same; a smaller request may pass. */
export class UnusableAnswerError extends UnavailableError {}

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
  /**
   * In the order of the inputs, not scaled: float32 from base64, float64 from JSON. All components and the sum of their
   * squares are finite. Empty for an input that `faults` names.
   */
  readonly vectors: readonly ArrayLike<number>[];
  /** What is wrong with a vector, by the number of its input; usually empty. */
  readonly faults: ReadonlyMap<number, string>;
  /** `usage.prompt_tokens`, 0 if it is missing. */
  readonly tokens: number;
}

/** The fields of an embeddings answer that are read, before they are checked. */
interface EmbeddingsJson {
  readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly total_tokens?: number };
}

/** NaN and infinity in a list, as Python writes them. JSON has neither. */
const PYTHON_NUMBER = /([[,]\s*)-?(?:NaN|Infinity)\b/g;

/**
 * Reads the answer to an embeddings request. The vectors may come in any order.
 * @param count number of inputs of the request
 * @param name of the model, for messages
 * @throws GarbledAnswerError if the body is not JSON; UnusableAnswerError if there is not exactly one vector for each
 * input
 */
export function readEmbeddings(body: Buffer, count: number, name: string): AnsweredVectors {
  const { data, usage } = parseAnswer(body, name);
  if (data.length !== count) {
    throw new UnusableAnswerError(
      `model ${name} returned ${data.length} vectors for ${count} texts; expected one for each`,
    );
  }
  const vectors: ArrayLike<number>[] = new Array(count);
  const faults = new Map<number, string>();
  for (let i = 0; i < count; i++) {
    const at = data[i]?.index ?? i;
    if (!Number.isInteger(at) || at < 0 || at >= count || vectors[at] !== undefined) {
      throw new UnusableAnswerError(`model ${name} returned index ${at} among ${count} vectors; expected each once`);
    }
    const vector = readVector(data[i]?.embedding);
    vectors[at] = typeof vector === "string" ? [] : vector;
    if (typeof vector === "string") faults.set(at, `model ${name} returned ${vector}`);
  }
  const tokens = usage?.prompt_tokens ?? usage?.total_tokens ?? 0;
  return { vectors, faults, tokens: Number.isFinite(tokens) ? tokens : 0 };
}

/**
 * Reads the answer to a request for a single text.
 * @throws as `readEmbeddings` does; UnusableAnswerError also if something is wrong with the vector
 */
export function readEmbedding(body: Buffer, name: string): { vector: ArrayLike<number>; tokens: number } {
  const { vectors, faults, tokens } = readEmbeddings(body, 1, name);
  for (const fault of faults.values()) throw new UnusableAnswerError(fault);
  return { vector: vectors[0], tokens };
}

/** Parses an answer. NaN and infinity, which only Python's JSON has, become null. */
function parseAnswer(body: Buffer, name: string): EmbeddingsJson & Required<Pick<EmbeddingsJson, "data">> {
  const text = body.toString("utf8");
  let json: EmbeddingsJson | null;
  try {
    json = JSON.parse(text) as EmbeddingsJson | null;
  } catch (cause) {
    const plain = text.replace(PYTHON_NUMBER, "$1null");
    if (plain === text) throw new GarbledAnswerError(`the answer is not JSON: ${(cause as Error).message}`);
    try {
      json = JSON.parse(plain) as EmbeddingsJson | null;
    } catch {
      throw new GarbledAnswerError(`the answer is not JSON: ${(cause as Error).message}`);
    }
  }
  if (Array.isArray(json?.data)) return json as ReturnType<typeof parseAnswer>;
  const fields = Object.keys(json ?? {}).join(", ") || "nothing";
  throw new UnusableAnswerError(
    `the server's answer for model ${name} has no data but ${fields} (${answerText(body)}); is it an embedding model?`,
  );
}

/** What is wrong with a vector that is not finite. SGLang and other servers write null for a NaN. */
const NOT_FINITE = "a vector with NaN or infinity; serve it with another dtype, such as float32";

/** Reads a vector from base64 of little-endian float32 or from a list of numbers; returns what is wrong as text. */
function readVector(embedding: unknown): ArrayLike<number> | string {
  let values: ArrayLike<unknown> = [];
  if (typeof embedding === "string") {
    const bytes = Buffer.from(embedding, "base64");
    if (bytes.length % 4 === 0) {
      values = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }
  } else if (Array.isArray(embedding)) values = embedding;
  if (values.length === 0) {
    const shown = JSON.stringify(embedding)?.slice(0, 40);
    return `${shown} as a vector; expected a list of numbers or base64 of float32`;
  }
  const numbers = values instanceof Float32Array ? values : new Float64Array(values.length);
  let squares = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (typeof value !== "number") return NOT_FINITE;
    numbers[i] = value;
    squares += value * value;
  }
  return Number.isFinite(squares) ? numbers : NOT_FINITE;
}
