import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError } from "../errors.js";
import { builtin } from "./builtin.js";
import type { ModelSpec } from "./spec.js";
import { createEncoder, type Encoder } from "./tokenizer.js";

/**
 * The encoder of a model: the builtin's n-grams, or the folder's tokenizer.json.
 * @throws UnavailableError where the tokenizer is missing, damaged or has ids that the model does not know
 */
export async function loadEncoder({ name, folder, maxTokens, vocabSize }: ModelSpec): Promise<Encoder> {
  if (folder === undefined) {
    return {
      encode(text) {
        const { ids, truncated } = builtin.encode(text, maxTokens);
        return { ids, known: ids.length > 0, truncated };
      },
    };
  }
  const path = join(folder, "tokenizer.json");
  try {
    const tokenizer = JSON.parse(await readFile(path, "utf8"));
    const config = await readFile(join(folder, "tokenizer_config.json"), "utf8").then(JSON.parse, () => ({}));
    const largest = largestId(tokenizer.model?.vocab);
    if (vocabSize !== undefined && largest >= vocabSize) {
      throw new Error(`it has token id ${largest}, but the model's vocabulary has ${vocabSize} entries`);
    }
    return createEncoder({ tokenizer, config, maxTokens });
  } catch (cause) {
    const why = (cause as Error).message;
    throw new UnavailableError(
      `model ${name}: ${path} cannot be used: ${why}; take it from the model's own repository`,
    );
  }
}

/** Largest id of a vocabulary, which WordPiece and BPE give as an object and Unigram as a list. */
function largestId(vocab: unknown): number {
  if (Array.isArray(vocab)) return vocab.length - 1;
  let largest = -1;
  for (const id of Object.values((vocab ?? {}) as Record<string, number>)) if (id > largest) largest = id;
  return largest;
}
