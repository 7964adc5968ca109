/** A columnar file and how it is read. */
export interface FileOptions {
  readonly path: string;
  /** The name that people know it by. */
  readonly name: string;
  /** Bytes that the whole program may take (4 GiB); half of that is the most that pages or record batches may. */
  readonly memory?: number;
}

/** Bytes that may be held at once under any `memory`, so that a small one refuses nothing that writers make by default. */
export const LEAST_PIECE = 64 * 2 ** 20;

/** Bytes that the parts of a file which must be held at once may take. */
export function pieceLimit(memory = 2 ** 32): number {
  return Math.max(memory / 2, LEAST_PIECE);
}
