import { type FileHandle, open } from "node:fs/promises";
import { InputError } from "../errors.js";
import { readFully } from "../io/read-exact.js";
import type { VectorReader } from "./reader.js";
import { readStoreLayout, type StoreLayout } from "./store-layout.js";

/** A store that is open for reading. */
export interface VectorStore extends VectorReader {
  /** Reads the row number of each vector. The caller owns the array. */
  rows(): Promise<Float64Array>;
  /** Closes the file. */
  close(): Promise<void>;
}

/** Largest gap, in bytes, that is read along with its neighbours instead of splitting the read. */
const GAP_BYTES = 16 << 10;
/** Longest read that includes gaps, in bytes. */
const SPAN_BYTES = 1 << 20;
/** Reads in flight. */
const READS = 8;

/**
 * Opens a finished store. Only requested vectors are read: runs of neighbours straight into the caller's buffer,
 * scattered near ones together through a buffer of their own. Holds up to 8 MB.
 * @throws InputError where the file is missing, damaged or not a store; `gather` and `rows` throw it too
 */
export async function openVectorStore(path: string): Promise<VectorStore> {
  let file: FileHandle;
  try {
    file = await open(path, "r");
  } catch (cause) {
    throw new InputError(`cannot open ${path}: ${(cause as Error).message}; run bge-dedup first or name its folder`);
  }
  const broken = (cause: unknown) =>
    new InputError(`${path} is not a store of embeddings: ${(cause as Error).message}; run bge-dedup again`);
  let layout: StoreLayout;
  try {
    layout = await readStoreLayout(file);
  } catch (cause) {
    await file.close();
    throw broken(cause);
  }
  const { dim, count, batchRows, rowsAt } = layout;
  return {
    count,
    dim,
    async gather(positions, into) {
      const reads: Promise<void>[] = [];
      try {
        for (const span of spans(positions, layout)) {
          reads.push(readSpan(file, layout, positions, span, into));
          if (reads.length === READS) await Promise.all(reads.splice(0));
        }
        await Promise.all(reads);
      } catch (cause) {
        throw broken(cause);
      }
    },
    async rows() {
      const rows = new Float64Array(count);
      for (let start = 0; start < count; start += batchRows) {
        const numbers = new BigUint64Array(Math.min(batchRows, count - start));
        await readFully(file, new Uint8Array(numbers.buffer), rowsAt[start / batchRows]).catch((cause) => {
          throw broken(cause);
        });
        for (let i = 0; i < numbers.length; i++) rows[start + i] = Number(numbers[i]);
      }
      return rows;
    },
    async close() {
      await file.close().catch(() => {});
    },
  };
}

/** Entries [start, end) of `positions`, served by one read. */
interface Span {
  readonly start: number;
  readonly end: number;
}

/** Cuts positions into spans. The positions of a span ascend and lie within one record batch. */
export function* spans(positions: ArrayLike<number>, { dim, batchRows }: StoreLayout): Generator<Span> {
  const gap = Math.floor(GAP_BYTES / (4 * dim));
  const longest = Math.floor(SPAN_BYTES / (4 * dim));
  for (let start = 0; start < positions.length; ) {
    const first = positions[start];
    const batchEnd = (Math.floor(first / batchRows) + 1) * batchRows;
    let end = start + 1;
    while (end < positions.length && positions[end] === positions[end - 1] + 1 && positions[end] < batchEnd) end++;
    const last = Math.min(batchEnd, first + longest);
    while (end < positions.length && positions[end] > positions[end - 1] && positions[end] < last) {
      if (positions[end] - positions[end - 1] > gap + 1) break;
      end++;
    }
    yield { start, end };
    start = end;
  }
}

/** Reads the vectors of a span to their places in `into`. */
async function readSpan(
  file: FileHandle,
  { dim, batchRows, vectorsAt }: StoreLayout,
  positions: ArrayLike<number>,
  { start, end }: Span,
  into: Float32Array,
): Promise<void> {
  const first = positions[start];
  const rows = positions[end - 1] - first + 1;
  const at = vectorsAt[Math.floor(first / batchRows)] + (first % batchRows) * dim * 4;
  const target = rows === end - start ? into.subarray(start * dim, end * dim) : new Float32Array(rows * dim);
  await readFully(file, new Uint8Array(target.buffer, target.byteOffset, target.byteLength), at);
  if (rows === end - start) return;
  for (let i = start; i < end; i++) {
    const from = (positions[i] - first) * dim;
    into.set(target.subarray(from, from + dim), i * dim);
  }
}
