import type { DenseValues, ValueBuffer } from "./values.js";

/** The values of a page in their order; only those that are asked for are made. */
export interface PageValues {
  /** Appends the next `count` values. @throws Error where they are not all there */
  next(count: number, into: ValueBuffer): void;
  /** Bytes of the longest value, where values can take more room than their page. */
  readonly longest: number;
}

/** What a page of values needs to be read. */
export interface Encoded {
  readonly bytes: Uint8Array;
  /** Where the values start. */
  readonly start: number;
  readonly encoding: string;
  /** Physical type and the bytes of a value, undefined for byte arrays. */
  readonly type: string;
  readonly width: number | undefined;
  /** Values of the page, nulls included. */
  readonly count: number;
  readonly dictionary: DenseValues | undefined;
  /** Bytes that what must be decoded at once may take. */
  readonly limit: number;
}

/** Values of `width` bytes from byte `start` on. */
export function plainFixed(bytes: Uint8Array, start: number, width: number): PageValues {
  let at = start;
  return {
    longest: 0,
    next(count, into) {
      need(bytes, at, count * width);
      into.reserve(count * width, count);
      into.bytes.set(bytes.subarray(at, at + count * width), into.size);
      at += count * width;
      into.size += count * width;
      into.count += count;
    },
  };
}

/** @throws Error where `size` bytes from `start` on are not there */
export function need(bytes: Uint8Array, start: number, size: number): void {
  if (start + size > bytes.length)
    throw new Error(`${size} bytes of values at byte ${start} of a page of ${bytes.length}`);
}
