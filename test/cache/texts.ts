import { keysOf, type TextRecords } from "../../src/cache/record.js";
import type { FoundRecords, VectorStore } from "../../src/cache/store.js";

/** A space, as a run names it. */
export const SPACE = "0123456789abcdef0123456789abcdef";

/** The keys of texts. */
export function keysOfTexts(texts: readonly string[], space = SPACE): Uint32Array {
  let end = 0;
  return keysOf(
    space,
    texts.join(""),
    Uint32Array.from(texts, (text) => (end += text.length)),
  );
}

/** What a model might give for texts: a function of the text alone. */
export function recordsOf(texts: readonly string[], dim: number): TextRecords {
  const vectors = new Float32Array(texts.length * dim);
  for (const [i, text] of texts.entries()) {
    for (let d = 0; d < dim; d++)
      vectors[i * dim + d] = Math.sin(d + ([...text].reduce((h, c) => h * 31 + c.charCodeAt(0), 7) % 1e6));
  }
  return {
    vectors,
    directed: Uint8Array.from(texts, (text) => (text.includes("void") ? 0 : 1)),
    truncated: Uint8Array.from(texts, (text) => (text.includes("long") ? 1 : 0)),
    tokens: Uint32Array.from(texts, (text) => text.length),
  };
}

/** Stores what the model might give. */
export function remember(store: VectorStore, texts: readonly string[], dim: number): Promise<void> {
  return store.append(keysOfTexts(texts), recordsOf(texts, dim), dim);
}

/** Looks texts up and says which are found, after checking every found value against the model. */
export async function recall(store: VectorStore, texts: readonly string[], dim: number): Promise<boolean[]> {
  return verified(await store.lookUp(keysOfTexts(texts)), texts, dim);
}

/** @throws Error if a value that was found is not what the model gives */
export function verified(found: FoundRecords, texts: readonly string[], dim: number): boolean[] {
  const expected = recordsOf(texts, dim);
  return texts.map((text, i) => {
    if (found.found[i] === 0) return false;
    const same =
      found.dim === dim &&
      Buffer.from(found.vectors.buffer)
        .subarray(4 * i * dim, 4 * (i + 1) * dim)
        .equals(Buffer.from(expected.vectors.buffer).subarray(4 * i * dim, 4 * (i + 1) * dim)) &&
      found.directed[i] === expected.directed[i] &&
      found.truncated[i] === expected.truncated[i] &&
      found.tokens[i] === expected.tokens[i];
    if (!same) throw new Error(`the value of ${text} is wrong`);
    return true;
  });
}

/** `count` different texts. */
export function someTexts(name: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, i) => `${name} ${i}${i % 7 === 3 ? " long" : ""}${i % 11 === 5 ? " void" : ""}`,
  );
}
