import { readFileSync } from "node:fs";

/** The tiny models and the vectors that Hugging Face transformers gives for them, all made by test/make/tiny-bert.py. */

/** A text with its ids and unit vectors by pooling, each computed alone in float32. */
export interface Golden {
  readonly text: string;
  readonly ids: readonly number[];
  readonly cls: readonly number[];
  readonly mean: readonly number[];
}

/** Folder of a tiny model, from the root of the checkout where tests run. */
export const tinyModel = (name: "tiny-bert" | "tiny-xlmr" | "tiny-external"): string => `test/models/${name}`;

/** Texts and vectors of a tiny model. */
export function readGolden(name: "tiny-bert" | "tiny-xlmr"): Golden[] {
  return JSON.parse(readFileSync(`${tinyModel(name)}/golden.json`, "utf8")) as Golden[];
}
