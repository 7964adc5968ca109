import { UnavailableError } from "../../errors.js";
import type { HttpAnswer } from "./http.js";

/** An answer that came whole but cannot be right, such as half a JSON text: worth another attempt. */
export class GarbledAnswerError extends Error {}

/** Most characters of a server's own words in a message. */
const QUOTED = 300;

/** Whether the body of an answer is a web page: of a proxy, a log-in or another server altogether. */
export function isPage(body: Buffer): boolean {
  return /^\s*<(!doctype|html)\b/i.test(body.toString("latin1", 0, 200));
}

/**
 * What a server says of an error: OpenAI's and vLLM's `error.message`, SGLang's and TEI's `message`, TEI's `error`, FastAPI's
 * `detail`; of a page its title; else the beginning of the text.
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

/** Phrases by which servers refuse an input for its size: SGLang, vLLM, TEI, Infinity, OpenAI. */
const SIZE = /token|context|too (long|large|many)|longer|length|exceed|batch size|at most \d/i;

/** Plainer words, which some, such as llama.cpp, have under the status of an accident. */
const PLAINLY_SIZE = /input.*too (long|large)/i;

/** Whether an answer refuses the size of the request: then a smaller one may pass. */
export function refusesSize({ status, body }: HttpAnswer): boolean {
  if (status === 400 || status === 422) return SIZE.test(answerText(body));
  return status === 413 || (status === 500 && PLAINLY_SIZE.test(answerText(body)));
}

/** Whether it is the number of the inputs that is refused, rather than the length of one. */
export function refusesCount({ body }: HttpAnswer): boolean {
  return /batch size [\d>]|too many inputs/i.test(answerText(body));
}

/**
 * Characters to keep of a text that was refused as too long. Most servers name both token counts, and their ratio says how
 * much to keep; otherwise a quarter goes.
 * @returns fewer than the text has; 0 where nothing is left to try
 */
export function shorterLength(text: string, said: string): number {
  const numbers = [...new Set((said.match(/\d+/g) ?? []).map(Number))].sort((a, b) => b - a);
  const [given, limit] = numbers;
  // Two hundredths less, since tokens are not spread evenly over the text.
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
  /** In the order of the inputs, as the server gave them: float32 from base64, float64 from JSON. */
  readonly vectors: readonly ArrayLike<number>[];
  /** `usage.prompt_tokens`, 0 where it is missing. */
  readonly tokens: number;
}

interface EmbeddingsJson {
  readonly data?: readonly { readonly index?: number; readonly embedding?: unknown }[];
  readonly usage?: { readonly prompt_tokens?: number; readonly total_tokens?: number };
}

/**
 * Reads the answer to an embeddings request, in whatever order its vectors come.
 * @param count inputs of the request
 * @throws GarbledAnswerError where it is no JSON; UnavailableError where the vectors are not one for each input, or are no numbers
 */
export function readEmbeddings(body: Buffer, count: number, name: string): AnsweredVectors {
  const text = body.toString("utf8");
  let json: EmbeddingsJson;
  try {
    json = JSON.parse(text) as EmbeddingsJson;
  } catch (cause) {
    // Python writes these names where JSON has none.
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

/** A vector as little-endian float32 in base64, or as a list. */
function readVector(embedding: unknown, name: string): ArrayLike<number> {
  if (typeof embedding === "string") {
    const bytes = Buffer.from(embedding, "base64");
    if (bytes.length > 0 && bytes.length % 4 === 0) {
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
    }
  } else if (Array.isArray(embedding) && embedding.length > 0) {
    const values = new Float64Array(embedding.length);
    for (let i = 0; i < values.length; i++) {
      // SGLang and others write null where a component is NaN.
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
