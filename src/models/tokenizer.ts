import { Tokenizer } from "@huggingface/tokenizers";
import { UsageError } from "../errors.js";

/** Token ids of one text. */
export interface Encoded {
  /** Token ids, special tokens included. */
  readonly ids: readonly number[] | Int32Array;
  /** False if the text holds no token that the model knows: its vector would mean nothing. */
  readonly known: boolean;
  /** True if the text was longer than the model takes and its end was cut off. */
  readonly truncated: boolean;
}

/** Token ids of one text in parts, each as long as the model takes. */
export interface EncodedParts extends Omit<Encoded, "ids"> {
  /** At least one part; each includes special tokens. */
  readonly parts: readonly Encoded["ids"][];
}

/** Turns texts into token ids. */
export interface Encoder {
  /** Encodes the start of a text, as much as the model takes. */
  encode(text: string): Encoded;
  /** Encodes a whole text in consecutive parts, up to `MAX_PARTS` times what the model takes. */
  encodeParts(text: string): EncodedParts;
  /** Largest token id; absent if ids are not numbers of a vocabulary. */
  readonly largestId?: number;
}

/** Most parts of a text. With most models, 64 parts are 32,000 tokens; the rest of a text is cut off and counted. */
export const MAX_PARTS = 64;

/** The parts of tokenizer.json that this file reads; the library reads the rest. */
export interface TokenizerJson {
  readonly model?: { readonly unk_token?: string | null; readonly unk_id?: number | null; readonly vocab?: unknown };
  readonly added_tokens?: readonly { readonly id: number }[];
}

/** Longest word that WordPiece splits, in characters; a longer word is one unknown token. */
const LONGEST_WORD = 100;

/**
 * Creates an encoder that follows a tokenizer.json exactly (normaliser, lower-casing, template of special tokens).
 * Longer texts are cut at `maxTokens` as Hugging Face does: the special tokens at the end stay, the end of the text
 * goes.
 * @throws UsageError if the limit leaves no room for a text; Error of the library if the file is not a tokenizer
 */
export function createEncoder(options: { tokenizer: TokenizerJson; config?: object; maxTokens: number }): Encoder {
  const { tokenizer: json, config = {}, maxTokens } = options;
  const tokenizer = new Tokenizer(json, config);
  const unknown = unknownId(tokenizer, json);
  const { prefix, suffix } = template(tokenizer);
  const room = maxTokens - prefix.length - suffix.length;
  if (room < 1) {
    const special = prefix.length + suffix.length;
    throw new UsageError(
      `--max-length ${maxTokens} leaves no room beside ${special} special tokens; expected at least ${special + 1}`,
    );
  }
  const bare = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  /** Returns the first `wanted` tokens of a text, and whether there are more. */
  const start = (text: string, wanted: number): { ids: number[]; truncated: boolean } => {
    // A text of megabytes is not tokenized to its end only to be cut. Its start is tokenized, and longer starts until
    // there are enough tokens. The margin of `LONGEST_WORD` tokens covers a word that the cut has split.
    let cut = Math.min(text.length, wanted * 8);
    let ids = bare(cut < text.length ? text.slice(0, cut) : text);
    while (cut < text.length && ids.length < wanted + LONGEST_WORD) {
      cut = Math.min(text.length, cut * 4);
      ids = bare(cut < text.length ? text.slice(0, cut) : text);
    }
    const truncated = ids.length > wanted;
    return { ids: truncated ? ids.slice(0, wanted) : ids, truncated };
  };
  // A Unigram tokenizer puts a mark of the word's start before a word that it does not know. The mark carries no
  // meaning.
  const wordStart = tokenizer.token_to_id("\u2581");
  const isKnown = (id: number) => id !== unknown && id !== wordStart;
  return {
    largestId: largestId(json),
    encode(text) {
      const { ids, truncated } = start(text, room);
      return { ids: [...prefix, ...ids, ...suffix], known: ids.some(isKnown), truncated };
    },
    encodeParts(text) {
      const { ids, truncated } = start(text, room * MAX_PARTS);
      const parts: number[][] = [];
      do {
        const at = parts.length * room;
        parts.push([...prefix, ...ids.slice(at, at + room), ...suffix]);
      } while (parts.length * room < ids.length);
      return { parts, known: ids.some(isKnown), truncated };
    },
  };
}

/** Largest id of a tokenizer. The vocabulary is an object for WordPiece and BPE, and a list for Unigram. */
function largestId({ model, added_tokens = [] }: TokenizerJson): number {
  let largest = -1;
  for (const { id } of added_tokens) if (id > largest) largest = id;
  const vocabulary = model?.vocab ?? {};
  if (Array.isArray(vocabulary)) return Math.max(largest, vocabulary.length - 1);
  for (const id of Object.values(vocabulary as Record<string, number>)) if (id > largest) largest = id;
  return largest;
}

/** Id of the token for everything that the vocabulary lacks; -1 if there is none. */
function unknownId(tokenizer: Tokenizer, { model = {} }: TokenizerJson): number {
  if (typeof model.unk_id === "number") return model.unk_id;
  return typeof model.unk_token === "string" ? (tokenizer.token_to_id(model.unk_token) ?? -1) : -1;
}

/**
 * Special tokens before and after a text, found by encoding one text with and without them.
 * @throws Error if the special tokens change the tokens of the text itself
 */
function template(tokenizer: Tokenizer): { prefix: number[]; suffix: number[] } {
  const probe = "a";
  const inner: number[] = tokenizer.encode(probe, { add_special_tokens: false }).ids;
  const full: number[] = tokenizer.encode(probe).ids;
  for (let start = 0; start + inner.length <= full.length; start++) {
    if (inner.every((id, i) => full[start + i] === id)) {
      return { prefix: full.slice(0, start), suffix: full.slice(start + inner.length) };
    }
  }
  throw new Error("the tokenizer's template changes the text's own tokens, which is not supported");
}
