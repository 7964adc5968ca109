import { DataType, type Field, MetadataVersion, type Union, UnionMode, type Vector } from "apache-arrow";
import type { RecordBatch as RecordBatchHeader } from "apache-arrow/ipc/metadata/message";
import { isVariable } from "../columns/layout.js";
import type { DictionaryVectors } from "./body.js";

/** The place of a buffer in the file, in bytes. */
export interface StoredBuffer {
  readonly at: number;
  readonly length: number;
}

/** A column of an uncompressed record batch, as the places of its buffers in the file. */
export interface StoredColumn {
  readonly type: DataType;
  /** Rows of the column. */
  readonly length: number;
  /** Validity bits; absent where the column has no null. */
  readonly validity?: StoredBuffer;
  /** Offsets of lists and of values of variable width; in a dense union the positions within its members. */
  readonly offsets?: StoredBuffer;
  /** Values, views, dictionary indices, or the type ids of a union. */
  readonly values?: StoredBuffer;
  /** The buffers that views point into; empty for other types. */
  readonly variadic: readonly StoredBuffer[];
  readonly children: readonly StoredColumn[];
  readonly dictionary?: Vector;
}

/**
 * Finds the buffers of the columns of an uncompressed record batch. The header lists nodes (row counts) and buffers
 * depth first, a column before its children: https://arrow.apache.org/docs/format/Columnar.html#recordbatch-message
 *
 *     struct<a: int32, b: string>    nodes     struct, a, b
 *                                    buffers   struct validity, a validity, a values, b validity, b offsets, b values
 *
 * @param place where the body of the message lies in the file
 * @throws Error where the header lists too few nodes or buffers, or a buffer is not inside the body
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
    // Before version 5 of the metadata a union had validity bits of its own.
    if (version < MetadataVersion.V5) nextBuffer();
    const { mode, children } = plain.type as Union;
    const values = nextBuffer();
    const offsets = mode === UnionMode.Dense ? nextBuffer() : undefined;
    return { ...plain, values, offsets, children: children.map(column) };
  }

  return fields.map(column);
}
