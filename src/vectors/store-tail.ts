import { open, readFile, rm } from "node:fs/promises";

/**
 * The tail of a store: vectors that do not fill a record batch yet. It lies in a file beside the store, so that an
 * interrupted run loses none of them.
 *
 *     | n row numbers, uint64 | n × dim float32 |   in the byte order of the machine, which alone continues it
 */

/**
 * Tail of a store that has `count` vectors with it. The count in the name keeps the earlier tail until this one is
 * safe.
 */
function tailPath(path: string, count: number): string {
  return `${path}.${count}`;
}

/** Writes a tail and syncs it to disk. */
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
 * Reads a tail of `n` vectors to the beginnings of `rows` and `vectors`.
 * @throws Error where the file is missing or has another size
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

/** Removes a tail. A tail that does not exist is no error. */
export async function removeTail(path: string, count: number): Promise<void> {
  await rm(tailPath(path, count), { force: true });
}
