import { type Data, DataType, type Field, type Schema, util } from "apache-arrow";
import { castBatch } from "../schema/cast.js";
import type { ReadBatch } from "../source.js";
import { isJsonField } from "./json-text.js";

/** What describes a column takes beside its buffers, in bytes: measured, 1,100 for numbers and strings and 900 for each part of nested ones. */
const COLUMN_BYTES = 1200;

/** Columns of the first records of a file, built while it was scanned, so that the second pass need not parse them again. */
export class KeptColumns {
  readonly #reserve: (bytes: number) => boolean;
  #batches: ReadBatch[] = [];
  /** Records from the first on that the batches stand for, rejected ones among them. */
  #records = 0;
  #closed = false;

  /** @param reserve asked for the bytes of each batch; where it says no, the file is kept no further */
  constructor(reserve: (bytes: number) => boolean) {
    this.#reserve = reserve;
  }

  /** False where no further batch can be added. */
  get open(): boolean {
    return !this.#closed;
  }

  /**
   * Adds the next batch of the scan, of `records` records. Where a column has got another type since the batches before,
   * they are of no use any more, and all are dropped.
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

  /** Keeps what there is, and no further batch. */
  close(): void {
    this.#closed = true;
  }

  /** Yields the batches under the schema of all records and forgets them; none where they do not fit it. */
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

/** True where a batch of one schema becomes one of the other by adding columns of nulls. */
function fits(from: Schema, to: Schema): boolean {
  const byName = new Map(to.fields.map((field) => [field.name, field]));
  return from.fields.every((field) => {
    const other = byName.get(field.name);
    return other !== undefined && (DataType.isNull(field.type) || isSame(field, other));
  });
}

/** The same type, and JSON text in the same places. */
function isSame(a: Field, b: Field): boolean {
  if (isJsonField(a) !== isJsonField(b) || !util.compareTypes(a.type, b.type)) return false;
  const others = (b.type.children ?? []) as Field[];
  return ((a.type.children ?? []) as Field[]).every((child, i) => isSame(child, others[i]));
}

/** Bytes that a column keeps in memory, with all below it; spare capacity of its buffers included. */
function heldBytes(data: Data): number {
  const buffers = [data.values, data.valueOffsets, data.nullBitmap] as (ArrayBufferView | undefined)[];
  const own = buffers.reduce((sum, view) => sum + (view?.buffer.byteLength ?? 0), COLUMN_BYTES);
  return data.children.reduce((sum, child) => sum + heldBytes(child), own);
}
