import { open, readFile, rm } from "node:fs/promises";

/**
 * Vectors that do not fill a record batch of the store yet, kept beside it so that an interrupted run loses none: row
 * numbers (uint64), then the vectors (float32), both in the machine's byte order, since no other one continues the run.
 */

/** File of the tail of a store that holds `count` vectors with it. Its name lets the tail before it live until it is safe. */
function tailPath(path: string, count: number): string {
  return `${path}.${count}`;
}

/** Writes the tail and makes it durable. */
export async function writeTail(
  path: string,
  count: number,
  rows: BigUint64Array,
  vectors: Float32Array,
): Promise<void> {
  const file = await open(tailPath(path, count), "w");
  try {
    await file.writeFile(new Uint8Array(rows.buffer, rows.byteOffset, rows.byteLength));
    await file.writeFile(new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength));
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Reads the tail of `n` vectors into the beginnings of both arrays.
 * @throws Error where it is missing or has another size
 */
export async function readTail(
  path: string,
  count: number,
  n: number,
  rows: BigUint64Array,
  vectors: Float32Array,
): Promise<void> {
  const bytes = new Uint8Array(await readFile(tailPath(path, count)));
  const dim = vectors.length / rows.length;
  const expected = n * (8 + 4 * dim);
  if (bytes.length !== expected) {
    throw new Error(`${tailPath(path, count)} has ${bytes.length} bytes, expected ${expected}`);
  }
  rows.set(new BigUint64Array(bytes.buffer, 0, n));
  vectors.set(new Float32Array(bytes.buffer, n * 8, n * dim));
}

/** Removes a tail that is no longer needed. */
export async function removeTail(path: string, count: number): Promise<void> {
  await rm(tailPath(path, count), { force: true });
}
