import { type Data, type DataType, makeData, type Vector } from "apache-arrow";

/**
 * The parts of a column, under the names that they have in `Data`. A column needs only the parts of its layout:
 *
 * | layout | parts |
 * |---|---|
 * | fixed width, booleans | `values` |
 * | strings, bytes | `valueOffsets`, `values` |
 * | views | `values` (16 bytes a row), `variadicBuffers` |
 * | lists, maps | `valueOffsets`, one child |
 * | fixed-size lists | one child |
 * | structs | a child for each field |
 * | unions | `typeIds`, a child for each member, `valueOffsets` where dense |
 * | dictionary-encoded | `values` (the indices), `dictionary` |
 *
 * https://arrow.apache.org/docs/format/Columnar.html
 */
export interface ColumnParts {
  readonly type: DataType;
  /** Rows. */
  readonly length: number;
  /** First row within `nullBitmap` and within the bits of a boolean column; default 0. */
  readonly offset?: number;
  /** Default: counted when it is first read; 0 without `nullBitmap`. */
  readonly nullCount?: number;
  /** One bit a row, set where the row holds a value, least significant bit first. Absent or empty: no null. */
  readonly nullBitmap?: Uint8Array;
  /** `length + 1` offsets into `values` or the child; in a dense union `length` positions within the members. */
  readonly valueOffsets?: Int32Array | BigInt64Array;
  /** The values from the first row on, as an array of their own type or as plain bytes. */
  readonly values?: ArrayBufferView;
  readonly variadicBuffers?: readonly Uint8Array[];
  readonly typeIds?: Int8Array;
  readonly children?: readonly Data[];
  /** Default: a dictionary without values. */
  readonly dictionary?: Vector;
}

/**
 * The column of the given parts, for a type that is known only at run time. Nothing is copied: the column shares its
 * buffers with `parts`, and plain bytes are seen as an array of the type. apache-arrow declares `makeData` once for
 * each type, so a caller that does not know the type has no declaration to use; the last, general one takes what this
 * function gives it.
 * @throws RangeError for plain bytes that are not aligned to the width of the type
 */
export function dataOf(parts: ColumnParts): Data {
  const { values, children } = parts;
  // Written out: with a rest pattern in its place `takeRows` was a tenth slower.
  const props = {
    type: parts.type,
    length: parts.length,
    offset: parts.offset,
    nullCount: parts.nullCount,
    nullBitmap: parts.nullBitmap,
    valueOffsets: parts.valueOffsets,
    data: values,
    views: values,
    variadicBuffers: parts.variadicBuffers,
    typeIds: parts.typeIds,
    child: children?.[0],
    children,
    dictionary: parts.dictionary,
  };
  return makeData<DataType>(props);
}
