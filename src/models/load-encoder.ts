import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { UnavailableError, UsageError } from "../errors.js";
import { builtin } from "./builtin.js";
import { readJson } from "./folder-json.js";
import type { ModelSpec } from "./spec.js";
import { createEncoder, type Encoder } from "./tokenizer.js";

/**
 * Loads the encoder of a model: the n-grams of the builtin model, or the folder's tokenizer.json.
 * @throws UnavailableError if the tokenizer is missing, damaged or has ids that the model does not know; UsageError if `maxTokens`
 * leaves no room for a text
 */
export async function loadEncoder({ name, folder, maxTokens, vocabSize }: ModelSpec): Promise<Encoder> {
  if (folder === undefined) {
    const encode = (text: string) => {
      const { ids, truncated } = builtin.encode(text, maxTokens);
      return { ids: ids.slice(), known: ids.length > 0, truncated };
    };
    return {
      encode,
      // The n-grams of a text are a set, which cannot be divided into windows.
      encodeParts(text) {
        const { ids, known, truncated } = encode(text);
        return { parts: [ids], known, truncated };
      },
    };
  }
  const path = join(folder, "tokenizer.json");
  const config = await readJson<object>(folder, "tokenizer_config.json");
  try {
    const tokenizer = JSON.parse(await readFile(path, "utf8"));
    const encoder = createEncoder({ tokenizer, config, maxTokens });
    const { largestId = -1 } = encoder;
    if (vocabSize !== undefined && largestId >= vocabSize) {
      throw new Error(`it has token id ${largestId}, but the model's vocabulary has ${vocabSize} entries`);
    }
    return encoder;
  } catch (cause) {
    const why = (cause as Error).message;
    if (cause instanceof UsageError) throw new UsageError(`model ${name}: ${why}`, { cause });
    throw new UnavailableError(
      `model ${name}: ${path} cannot be used: ${why}; take it from the model's own repository`,
    );
  }
}
