import { RawNumber } from "../jsonl/numbers.js";
import type { BatchVectors, ScanOptions } from "../source.js";
import { listFields, RecordLeaves } from "./field-list.js";
import { scalar } from "./order-columns.js";
import { type FieldPath, fieldPath } from "./path.js";
import { kindOf, missingText, recordText, type TextFault, valueAt } from "./text-fields.js";
import { VectorBatch } from "./vector-batch.js";

/** Reads what a scan asks for in each JSON record: its text, its vector, and the value that orders it. */
export class RecordFields {
  readonly #texts: readonly FieldPath[];
  readonly #order: FieldPath | undefined;
  readonly #vector: FieldPath | undefined;
  #vectors: VectorBatch | undefined;
  #dim: number;

  constructor({ textFields, orderField, vectorField, vectorDim = 0 }: ScanOptions) {
    this.#texts = textFields.map(fieldPath);
    this.#order = orderField === undefined ? undefined : fieldPath(orderField);
    this.#vector = vectorField === undefined ? undefined : fieldPath(vectorField);
    this.#dim = vectorDim;
  }

  /** Starts a batch of so many records. */
  begin(records: number): void {
    this.#dim = this.#vectors?.dim ?? this.#dim;
    this.#vectors = this.#vector && new VectorBatch(this.#vector.name, records, this.#dim);
  }

  /**
   * The text of a record; undefined where it has a vector and no text. The vector goes into the batch.
   * @param row index of the record in the batch
   */
  text(record: object, row: number): string | undefined | TextFault {
    const text = recordText(record, this.#texts);
    if (typeof text !== "string" && text !== null) return text;
    if (this.#vector !== undefined) return this.#addVector(valueAt(record, this.#vector), row) ?? text ?? undefined;
    if (text !== null) return text;
    const fields = listFields(new RecordLeaves().add(record).leaves);
    const has = fields === "" ? "the record has no fields" : `the fields are ${fields}`;
    return { error: `${missingText(record, this.#texts)}; ${has}` };
  }

  /** The value that orders a record: undefined where no order was asked for, null where the record has no such value. */
  order(record: object): unknown {
    return this.#order && scalar(valueAt(record, this.#order));
  }

  /** The vectors of the batch, where a vector field was asked for. */
  get vectors(): BatchVectors | undefined {
    return this.#vectors;
  }

  #addVector(value: unknown, row: number): TextFault | undefined {
    const vectors = this.#vectors as VectorBatch;
    const error = vectorFault(vectors, value, row);
    return error === undefined ? undefined : { error };
  }
}

/** Puts the numbers of a list into row `row`; returns the reason why the record is rejected, where it is. */
function vectorFault(vectors: VectorBatch, value: unknown, row: number): string | undefined {
  if (value === undefined || value === null) return vectors.without(value === null ? "null" : "missing");
  if (!Array.isArray(value)) return vectors.holds(kindOf(value));
  const other = value.findIndex((component) => numberOf(component) === undefined);
  if (other >= 0) return vectors.holds(kindOf(value[other]));
  return vectors.set(row, (at) => numberOf(value[at]) as number, 0, value.length);
}

/** A JSON number as a float64, NaN for a null; undefined for what is no number. */
function numberOf(value: unknown): number | undefined {
  if (typeof value === "number") return value;
  if (value === null) return Number.NaN;
  if (typeof value === "bigint") return Number(value);
  return value instanceof RawNumber ? value.value : undefined;
}
