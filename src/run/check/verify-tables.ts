import { DataType, type RecordBatch, type Schema } from "apache-arrow";
import { InputError } from "../../errors.js";
import type { KeepPolicy } from "../../exact/priority.js";
import { readSchema, readTableBatches } from "../../io/arrow/arrow.js";
import { findColumn } from "../../io/schema/column-paths.js";
import { orderValues } from "../../io/schema/order-columns.js";
import { batchTexts } from "../../io/schema/text-columns.js";
import type { KeptTable, RemovedTable } from "../../proofs/certificates.js";
import { isGuarded } from "../../text/guard-choice.js";
import { guardSignature } from "../../text/guards.js";
import { normalise } from "../../text/normalise.js";
import { Gathered, gatherNumbers } from "../read/gathered.js";
import { hash64 } from "../read/hash.js";
import { acceptedTextColumns } from "../read/missing-field.js";
import { numbersOf } from "../read/result-table.js";
import type { DedupManifest } from "../work/dedup-folder.js";
import { KEPT_IN, keptInColumn, namesOfInput } from "../write/output-columns.js";
import { characters, type PriorityKey } from "./verify-priority.js";

/** The options of the run, from the manifest, that say how to read its tables. */
type VerifyOptions = DedupManifest["options"];

const gatherHashes = () => new Gathered(new BigUint64Array());

/** Appends a column of numbers to `into`; a null becomes -1. @throws InputError if the table lacks the column */
function addNumbers(batch: RecordBatch, name: string, path: string, into: Gathered<Float64Array>): void {
  for (const value of numbersOf(batch, name, path)) into.push(value);
}

/** A row that has only a vector, in place of the hash of its text. */
export const NO_TEXT = 0n;

/** What the proofs of keep policy and guards read; one entry for each row of the table. */
export interface PolicyColumns {
  /**
   * Keys that order the rows. Undefined if the order follows a field that is not a number: that order is not proved.
   */
  readonly keys: readonly PriorityKey[] | undefined;
  /** Hashes of the guard signatures; absent if no guard was active. */
  readonly signatures?: BigUint64Array;
}

/** Returns, for a batch of a table, the key of a row from its number, its text and its index `at` in the batch. */
type KeysOf = (batch: RecordBatch) => (row: number, text: string, at: number) => PriorityKey;

/**
 * Returns the function that gives the keys of a table's rows under a keep policy. The rules are written anew here, so
 * that the proof shares nothing with the run. Undefined if the policy names a field that is not a column of numbers:
 * strings and dates have rules of their own.
 */
function priorityKeys(policy: KeepPolicy, schema: Schema): KeysOf | undefined {
  if (policy.kind === "first" || policy.kind === "last") return () => (row) => row;
  if (!("field" in policy)) return () => (_, text) => characters(text);
  const path = findColumn(namesOfInput(schema), policy.field);
  if (path === undefined || path.ways.some(({ field: { type } }) => !DataType.isInt(type) && !DataType.isFloat(type)))
    return undefined;
  return (batch) => {
    const values = orderValues(batch, path);
    return (_, __, at) => (values[at] as PriorityKey | null) ?? Number.NaN;
  };
}

/** Collects the columns that both tables have. Texts are kept as 64-bit hashes, as received and normalised. */
function openColumns(path: string, schema: Schema, options: VerifyOptions) {
  const columns = {
    rows: gatherNumbers(),
    vectors: gatherNumbers(),
    texts: gatherHashes(),
    forms: gatherHashes(),
    signatures: gatherHashes(),
  };
  const paths = acceptedTextColumns(schema, options, path);
  const keysOf = priorityKeys(options.keep, schema);
  const keys: PriorityKey[] = [];
  const { guards } = options;
  const guarded = isGuarded(guards);
  return {
    add(batch: RecordBatch): void {
      const first = columns.rows.values.length;
      addNumbers(batch, "_row", path, columns.rows);
      addNumbers(batch, "_vector", path, columns.vectors);
      const rows = columns.rows.values;
      const keyOf = keysOf?.(batch);
      for (const [i, found] of batchTexts(batch, paths).texts.entries()) {
        const text = found ?? "";
        columns.texts.push(found === null ? NO_TEXT : hash64(text));
        columns.forms.push(found === null ? NO_TEXT : hash64(normalise(text)));
        if (guarded) columns.signatures.push(hash64(guardSignature(text, guards)));
        if (keyOf !== undefined) keys.push(keyOf(rows[first + i], text, i));
      }
    },
    values: () => ({
      rows: columns.rows.values,
      vectors: columns.vectors.values,
      texts: columns.texts.values,
      forms: columns.forms.values,
      signatures: guarded ? columns.signatures.values : undefined,
      keys: keysOf === undefined ? undefined : keys,
    }),
  };
}

/**
 * Reads what the proofs need of kept.arrow. Texts are held as hashes, 16 bytes a row.
 * @throws InputError if a column is missing
 */
export async function readKept(path: string, options: VerifyOptions): Promise<KeptTable & PolicyColumns> {
  const columns = openColumns(path, await readSchema(path), options);
  const sizes = gatherNumbers();
  for await (const batch of readTableBatches(path)) {
    columns.add(batch);
    addNumbers(batch, "_group_size", path, sizes);
  }
  return { ...columns.values(), groupSizes: sizes.values };
}

/** @throws InputError for a folder that the manifest does not list */
function numberIn(numbers: ReadonlyMap<string, number>, folder: string, path: string): number {
  const number = numbers.get(folder);
  if (number !== undefined) return number;
  throw new InputError(`${path} names rows of ${folder}, which the manifest does not list; run bge-dedup again`);
}

/**
 * Reads what the proofs need of removed.arrow.
 * @param folders paths that `_kept_in` may name, where the run had references
 * @throws InputError if a column is missing, or names a folder that the manifest does not list
 */
export async function readRemoved(
  path: string,
  options: VerifyOptions,
  folders?: readonly string[],
): Promise<RemovedTable & PolicyColumns> {
  const columns = openColumns(path, await readSchema(path), options);
  const [keptRows, similarity] = [gatherNumbers(), gatherNumbers()];
  const reasons: string[] = [];
  const keptIn = new Gathered(new Int32Array());
  const numberOf = new Map(folders?.map((folder, number) => [folder, number]));
  for await (const batch of readTableBatches(path)) {
    columns.add(batch);
    addNumbers(batch, "_kept_row", path, keptRows);
    addNumbers(batch, "_similarity", path, similarity);
    const reason = batch.getChild("_reason");
    for (let i = 0; i < batch.numRows; i++) reasons.push(String(reason?.get(i)));
    if (folders === undefined) continue;
    const places = keptInColumn(batch);
    if (places === undefined) throw new InputError(`${path} has no column ${KEPT_IN}; run bge-dedup again`);
    for (const place of places) keptIn.push(place === null ? -1 : numberIn(numberOf, place as string, path));
  }
  return {
    ...columns.values(),
    keptIn: folders && keptIn.values,
    keptRows: keptRows.values,
    similarity: similarity.values,
    reasons,
  };
}
