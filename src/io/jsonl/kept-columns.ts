import { type Data, DataType, type Field, type Schema, util } from "apache-arrow";
import { castBatch } from "../schema/cast.js";
import type { ReadBatch } from "../source.js";
import { isJsonField } from "./json-text.js";

/**
 * Bytes of the objects that describe a column, beside its buffers. Measured: 1,100 for numbers and strings, 900 for
 * each part of a nested column.
 */
const COLUMN_BYTES = 1200;

/**
 * The columns of the first records of a file, kept from the scan for the second pass, which then need not parse these
 * records again. The kept records are always a prefix of the file; memory is what `reserve` granted.
 */
export class KeptColumns {
  readonly #reserve: (bytes: number) => boolean;
  #batches: ReadBatch[] = [];
  /** Length of the prefix that the batches cover, rejected records included. */
  #records = 0;
  #closed = false;

  /** @param reserve grants the bytes of a batch; once it returns false, no further batch is kept */
  constructor(reserve: (bytes: number) => boolean) {
    this.#reserve = reserve;
  }

  /** True while further batches can be added. */
  get open(): boolean {
    return !this.#closed;
  }

  /**
   * Adds the next batch of the scan, which stands for `records` records. If a column has another type than in the
   * batches before, these batches no longer fit the schema of the file, and all are dropped.
   */
  add(batch: ReadBatch, records: number): void {
    if (this.#closed) return;
    const last = this.#batches.at(-1);
    if (last !== undefined && !fits(last.columns.schema, batch.columns.schema)) {
      this.#batches = [];
      this.#records = 0;
      this.#closed = true;
      return;
    }
    if (!this.#reserve(heldBytes(batch.columns.data))) {
      this.#closed = true;
      return;
    }
    this.#batches.push(batch);
    this.#records += records;
  }

  /** Accepts no further batch; the batches so far stay. */
  close(): void {
    this.#closed = true;
  }

  /**
   * Yields the batches, cast to the schema of all records, and releases each. Yields none where a batch does not fit
   * that schema.
   * @returns the number of records that the batches cover, rejected ones included
   */
  *take(schema: Schema): Generator<ReadBatch, number> {
    const batches = this.#batches;
    const records = this.#records;
    this.#batches = [];
    this.#records = 0;
    this.#closed = true;
    if (batches.some(({ columns }) => !fits(columns.schema, schema))) return 0;
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      yield { ...batch, columns: castBatch(batch.columns, schema) };
    }
    return records;
  }
}

/** True where adding columns of nulls turns a batch of schema `from` into one of schema `to`. */
function fits(from: Schema, to: Schema): boolean {
  const byName = new Map(to.fields.map((field) => [field.name, field]));
  return from.fields.every((field) => {
    const other = byName.get(field.name);
    return other !== undefined && (DataType.isNull(field.type) || isSame(field, other));
  });
}

/** True for fields of the same type that have JSON text in the same places. */
function isSame(a: Field, b: Field): boolean {
  if (isJsonField(a) !== isJsonField(b) || !util.compareTypes(a.type, b.type)) return false;
  const others = (b.type.children ?? []) as Field[];
  return ((a.type.children ?? []) as Field[]).every((child, i) => isSame(child, others[i]));
}

/** Bytes that a column and its children hold in memory, with the spare capacity of their buffers. */
function heldBytes(data: Data): number {
  const buffers = [data.values, data.valueOffsets, data.nullBitmap] as (ArrayBufferView | undefined)[];
  const own = buffers.reduce((sum, view) => sum + (view?.buffer.byteLength ?? 0), COLUMN_BYTES);
  return data.children.reduce((sum, child) => sum + heldBytes(child), own);
}
