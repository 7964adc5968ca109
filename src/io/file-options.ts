/** A columnar file and the memory to read it with. */
export interface FileOptions {
  readonly path: string;
  /** Name in messages and in the manifest. */
  readonly name: string;
  /** Bytes of the whole program (default 4 GiB); pages or record batches may take half of them. */
  readonly memory?: number;
}

/** Bytes that a part may always take, however small `memory` is: enough for what writers produce by default. */
export const LEAST_PIECE = 64 * 2 ** 20;

/**
 * Largest number of bytes for the parts of a file that must be in memory together, such as the pages of a row group.
 */
export function pieceLimit(memory = 2 ** 32): number {
  return Math.max(memory / 2, LEAST_PIECE);
}
