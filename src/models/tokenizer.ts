import { Tokenizer } from "@huggingface/tokenizers";

/** Token ids of one text. */
export interface Encoded {
  /** Ids with special tokens. */
  readonly ids: readonly number[] | Int32Array;
  /** False where the text holds no token that the model knows: then its vector would mean nothing. */
  readonly known: boolean;
  /** True where the text was longer than the model takes and its end was cut off. */
  readonly truncated: boolean;
}

/** Token ids of one text in parts, each as long as the model takes. */
export interface EncodedParts extends Omit<Encoded, "ids"> {
  /** At least one; each with special tokens. */
  readonly parts: readonly Encoded["ids"][];
}

/** Turns text into token ids. */
export interface Encoder {
  /** The start of the text, as much as the model takes. */
  encode(text: string): Encoded;
  /** The whole text, up to `MAX_PARTS` times what the model takes, one part after the other. */
  encodeParts(text: string): EncodedParts;
  /** Largest token id there is; absent where ids are not numbers of a vocabulary. */
  readonly largestId?: number;
}

/** Parts of a text; what a text has beyond them, 32,000 tokens with most models, is cut off and counted. */
export const MAX_PARTS = 64;

/** The parts of tokenizer.json that are looked at here; everything else is the library's business. */
export interface TokenizerJson {
  readonly model?: { readonly unk_token?: string | null; readonly unk_id?: number | null; readonly vocab?: unknown };
  readonly added_tokens?: readonly { readonly id: number }[];
}

/** A word that WordPiece may split is at most this long (longer ones are one unknown token). */
const LONGEST_WORD = 100;

/**
 * An encoder that obeys a tokenizer.json as it stands (normaliser, lower-casing, template of special tokens) and cuts at
 * `maxTokens` the way Hugging Face does: the template's end is kept and the text's end is dropped.
 * @throws RangeError where the limit leaves no room for a text; Error of the library where the file is not a tokenizer
 */
export function createEncoder(options: { tokenizer: TokenizerJson; config?: object; maxTokens: number }): Encoder {
  const { tokenizer: json, config = {}, maxTokens } = options;
  const tokenizer = new Tokenizer(json, config);
  const unknown = unknownId(tokenizer, json);
  const { prefix, suffix } = template(tokenizer);
  const room = maxTokens - prefix.length - suffix.length;
  if (room < 1) {
    const special = prefix.length + suffix.length;
    throw new RangeError(
      `--max-length ${maxTokens} leaves no room beside ${special} special tokens; expected at least ${special + 1}`,
    );
  }
  const bare = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  /** The first `wanted` tokens of a text, and whether there are more. */
  const start = (text: string, wanted: number): { ids: number[]; truncated: boolean } => {
    // A text of megabytes is not tokenized to its end only to be cut: its start is, until that gives tokens enough.
    let cut = Math.min(text.length, wanted * 8);
    let ids = bare(cut < text.length ? text.slice(0, cut) : text);
    while (cut < text.length && ids.length < wanted + LONGEST_WORD) {
      cut = Math.min(text.length, cut * 4);
      ids = bare(cut < text.length ? text.slice(0, cut) : text);
    }
    const truncated = ids.length > wanted;
    return { ids: truncated ? ids.slice(0, wanted) : ids, truncated };
  };
  // A Unigram tokenizer puts a mark of the word's start, which says nothing, before a word it does not know.
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

/** Largest id of a tokenizer: its vocabulary is an object for WordPiece and BPE, a list for Unigram. */
function largestId({ model, added_tokens = [] }: TokenizerJson): number {
  let largest = -1;
  for (const { id } of added_tokens) if (id > largest) largest = id;
  const vocabulary = model?.vocab ?? {};
  if (Array.isArray(vocabulary)) return Math.max(largest, vocabulary.length - 1);
  for (const id of Object.values(vocabulary as Record<string, number>)) if (id > largest) largest = id;
  return largest;
}

/** Id of the token that stands for what the vocabulary lacks; -1 where there is none. */
function unknownId(tokenizer: Tokenizer, { model = {} }: TokenizerJson): number {
  if (typeof model.unk_id === "number") return model.unk_id;
  return typeof model.unk_token === "string" ? (tokenizer.token_to_id(model.unk_token) ?? -1) : -1;
}

/** Special tokens before and after a single text, found by encoding one with and without them. */
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
