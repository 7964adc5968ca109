import type { RecordBatch } from "apache-arrow";
import type { KeptTable, RemovedTable } from "../dedup/verify-certificates.js";
import { InputError } from "../errors.js";
import { readSchema, readTableBatches } from "../io/arrow.js";
import { batchTexts } from "../io/text-columns.js";
import { type Guards, guardSignature } from "../text/guards.js";
import { normalise } from "../text/normalise.js";
import { hash128 } from "./hash.js";
import { acceptedTextColumns } from "./missing-field.js";

/** Where the texts were, from the manifest. */
type TextOptions = { readonly textFields: readonly string[]; readonly vectorField?: string };

/** Gathers numbers of unknown count into one array. */
class Numbers {
  #values = new Float64Array(1024);
  #count = 0;

  push(value: number): void {
    if (this.#count === this.#values.length) {
      const grown = new Float64Array(this.#count * 2);
      grown.set(this.#values);
      this.#values = grown;
    }
    this.#values[this.#count++] = value;
  }

  get values(): Float64Array {
    return this.#values.subarray(0, this.#count);
  }
}

/** Reads a column of numbers, nulls as -1. */
function readNumbers(batch: RecordBatch, name: string, table: string, into: Numbers): void {
  const column = batch.getChild(name);
  if (column === null) throw new InputError(`${table} has no column ${name}; name a folder that bge-dedup wrote`);
  for (let i = 0; i < batch.numRows; i++) {
    const value = column.get(i);
    into.push(value === null ? -1 : Number(value));
  }
}

const words = new Uint32Array(4);

/** 64 bits of a text's hash: enough to tell the texts of one pair apart. */
function hash64(text: string): bigint {
  hash128(text, words);
  return (BigInt(words[0]) << 32n) | BigInt(words[1]);
}

/** Reads what the proofs need of kept.arrow; texts are held as hashes. */
export async function readKept(path: string, text: TextOptions, guards: Guards): Promise<KeptTable> {
  const paths = await textColumns(path, text);
  const [rows, vectors, sizes] = [new Numbers(), new Numbers(), new Numbers()];
  const texts: bigint[] = [];
  const forms: bigint[] = [];
  const signatures: bigint[] = [];
  const guarded = guards.numbers || guards.negation;
  for await (const batch of readTableBatches(path)) {
    readNumbers(batch, "_row", path, rows);
    readNumbers(batch, "_vector", path, vectors);
    readNumbers(batch, "_group_size", path, sizes);
    for (const text of batchTexts(batch, paths).texts) {
      texts.push(hash64(text ?? ""));
      forms.push(hash64(normalise(text ?? "")));
      if (guarded) signatures.push(hash64(guardSignature(text ?? "", guards)));
    }
  }
  return {
    rows: rows.values,
    vectors: vectors.values,
    groupSizes: sizes.values,
    texts: BigUint64Array.from(texts),
    forms: BigUint64Array.from(forms),
    signatures: guarded ? BigUint64Array.from(signatures) : undefined,
  };
}

/** Reads what the proofs need of removed.arrow. */
export async function readRemoved(path: string, text: TextOptions): Promise<RemovedTable> {
  const paths = await textColumns(path, text);
  const [rows, vectors, keptRows, similarity] = [new Numbers(), new Numbers(), new Numbers(), new Numbers()];
  const reasons: string[] = [];
  const texts: bigint[] = [];
  const forms: bigint[] = [];
  for await (const batch of readTableBatches(path)) {
    readNumbers(batch, "_row", path, rows);
    readNumbers(batch, "_vector", path, vectors);
    readNumbers(batch, "_kept_row", path, keptRows);
    readNumbers(batch, "_similarity", path, similarity);
    const reason = batch.getChild("_reason");
    for (let i = 0; i < batch.numRows; i++) reasons.push(String(reason?.get(i)));
    for (const text of batchTexts(batch, paths).texts) {
      texts.push(hash64(text ?? ""));
      forms.push(hash64(normalise(text ?? "")));
    }
  }
  return {
    rows: rows.values,
    vectors: vectors.values,
    keptRows: keptRows.values,
    similarity: similarity.values,
    reasons,
    texts: BigUint64Array.from(texts),
    forms: BigUint64Array.from(forms),
  };
}

async function textColumns(path: string, text: TextOptions) {
  return acceptedTextColumns(await readSchema(path), text, path);
}
