import { DataType, type Field, MetadataVersion, type Union, UnionMode, type Vector } from "apache-arrow";
import type { RecordBatch as RecordBatchHeader } from "apache-arrow/ipc/metadata/message";
import { isVariable } from "../columns/layout.js";
import type { DictionaryVectors } from "./body.js";

/** Bytes of a file that are one buffer of a column. */
export interface StoredBuffer {
  readonly at: number;
  readonly length: number;
}

/** A column of an uncompressed record batch: what lies where in the file. */
export interface StoredColumn {
  readonly type: DataType;
  /** Rows that it has. */
  readonly length: number;
  /** Absent where there is no null. */
  readonly validity?: StoredBuffer;
  /** Of lists and variable-width values; of dense unions the positions in their members. */
  readonly offsets?: StoredBuffer;
  /** Values, views or type ids. */
  readonly values?: StoredBuffer;
  /** What views point into. */
  readonly variadic: readonly StoredBuffer[];
  readonly children: readonly StoredColumn[];
  readonly dictionary?: Vector;
}

/**
 * Finds the buffers of the columns of an uncompressed record batch, which the format lists depth first:
 * https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message
 * @param place where the batch's body lies in the file
 * @throws Error where there are fewer than the columns have, or one is not inside the body
 */
export function storedColumns(
  fields: readonly Field[],
  header: RecordBatchHeader,
  place: { readonly bodyAt: number; readonly bodyLength: number },
  dictionaries: DictionaryVectors,
  version: MetadataVersion,
): StoredColumn[] {
  const { nodes, buffers, variadicBufferCounts } = header;
  let node = 0;
  let buffer = 0;
  let variadic = 0;

  function nextBuffer(): StoredBuffer {
    const region = buffers[buffer++];
    if (region === undefined) throw new Error(`${buffers.length} buffers, expected more`);
    const { offset, length } = region;
    if (length === 0) return { at: place.bodyAt, length };
    if (!(length > 0 && offset >= 0 && offset + length <= place.bodyLength)) {
      throw new Error(`a buffer of ${length} bytes at byte ${offset} of a message body of ${place.bodyLength}`);
    }
    return { at: place.bodyAt + offset, length };
  }

  function column({ type }: Field): StoredColumn {
    const found = nodes[node++];
    if (found === undefined) throw new Error(`${nodes.length} columns and parts of them, expected more`);
    const { length, nullCount } = found;
    const plain = { type, length, variadic: [], children: [] };
    if (DataType.isNull(type)) return plain;
    if (DataType.isUnion(type)) return union(plain);
    const bits = nextBuffer();
    const validity = nullCount > 0 && bits.length > 0 ? bits : undefined;
    if (DataType.isStruct(type) || DataType.isFixedSizeList(type)) {
      return { ...plain, validity, children: (type.children as Field[]).map(column) };
    }
    if ((type.children ?? []).length > 0) {
      return { ...plain, validity, offsets: nextBuffer(), children: (type.children as Field[]).map(column) };
    }
    if (DataType.isUtf8View(type) || DataType.isBinaryView(type)) {
      const values = nextBuffer();
      const count = variadicBufferCounts[variadic++] ?? 0;
      return { ...plain, validity, values, variadic: Array.from({ length: count }, nextBuffer) };
    }
    if (DataType.isDictionary(type)) {
      return { ...plain, validity, values: nextBuffer(), dictionary: dictionaries.get(type.id) };
    }
    if (isVariable(type)) return { ...plain, validity, offsets: nextBuffer(), values: nextBuffer() };
    return { ...plain, validity, values: nextBuffer() };
  }

  function union(plain: StoredColumn): StoredColumn {
    // Until then unions had nulls of their own.
    if (version < MetadataVersion.V5) nextBuffer();
    const { mode, children } = plain.type as Union;
    const values = nextBuffer();
    const offsets = mode === UnionMode.Dense ? nextBuffer() : undefined;
    return { ...plain, values, offsets, children: children.map(column) };
  }

  return fields.map(column);
}
