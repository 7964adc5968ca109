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

/** Turns text into token ids. */
export interface Encoder {
  encode(text: string): Encoded;
}

/** The parts of tokenizer.json that are looked at here; everything else is the library's business. */
export interface TokenizerJson {
  readonly model?: { readonly unk_token?: string | null; readonly unk_id?: number | null; readonly vocab?: unknown };
}

/** A word that WordPiece may split is at most this long (longer ones are one unknown token). */
const LONGEST_WORD = 100;

/**
 * An encoder that obeys a tokenizer.json as it stands (normaliser, lower-casing, template of special tokens) and cuts at
 * `maxTokens` the way Hugging Face does: the template's end is kept and the text's end is dropped.
 * @throws Error of the library where the file is not a tokenizer
 */
export function createEncoder(options: { tokenizer: TokenizerJson; config?: object; maxTokens: number }): Encoder {
  const { tokenizer: json, config = {}, maxTokens } = options;
  const tokenizer = new Tokenizer(json, config);
  const unknown = unknownId(tokenizer, json);
  const { prefix, suffix } = template(tokenizer);
  const room = maxTokens - prefix.length - suffix.length;
  const bare = (text: string): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return {
    encode(text) {
      // A text of megabytes is not tokenized to its end only to be cut: its start is, until that gives tokens enough.
      let cut = Math.min(text.length, room * 8);
      let ids = bare(cut < text.length ? text.slice(0, cut) : text);
      while (cut < text.length && ids.length < room + LONGEST_WORD) {
        cut = Math.min(text.length, cut * 4);
        ids = bare(cut < text.length ? text.slice(0, cut) : text);
      }
      const truncated = ids.length > room;
      if (truncated) ids = ids.slice(0, room);
      return { ids: [...prefix, ...ids, ...suffix], known: ids.some((id) => id !== unknown), truncated };
    },
  };
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
