import { type Data, Float32, makeData, Uint64, Utf8, vectorFromArray } from "apache-arrow";

/** Builds a uint64 column. A negative value becomes a null. */
export function uint64Column(values: ArrayLike<number>): Data<Uint64> {
  const length = values.length;
  const data = new BigUint64Array(length);
  const validity = new Uint8Array(Math.ceil(length / 8));
  let nullCount = 0;
  for (let i = 0; i < length; i++) {
    if (values[i] < 0) nullCount++;
    else {
      data[i] = BigInt(values[i]);
      validity[i >> 3] |= 1 << (i & 7);
    }
  }
  return makeData({ type: new Uint64(), length, nullCount, data, ...(nullCount > 0 ? { nullBitmap: validity } : {}) });
}

/** Builds a column of strings, which may be null. */
export function stringColumn(values: readonly (string | null)[]): Data<Utf8> {
  // An empty vector of apache-arrow has no data.
  return values.length === 0 ? makeData({ type: new Utf8() }) : vectorFromArray(values, new Utf8()).data[0];
}

/** Builds a float32 column, whose values may be null. */
export function float32Column(values: readonly (number | null)[]): Data<Float32> {
  return values.length === 0 ? makeData({ type: new Float32() }) : vectorFromArray(values, new Float32()).data[0];
}
