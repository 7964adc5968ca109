import { gatherInAnyOrder } from "./gather.js";
import type { VectorReader } from "./reader.js";

/**
 * Some vectors of a reader as a reader of their own: vector i is the one at `positions[i]`. The reader and the positions,
 * in any order, stay the caller's. Holds up to 1,024 vectors while it reads positions that do not ascend.
 */
export function selected(vectors: VectorReader, positions: Uint32Array): VectorReader {
  return {
    count: positions.length,
    dim: vectors.dim,
    gather: (chosen, into) =>
      gatherInAnyOrder(
        vectors,
        Uint32Array.from(chosen, (i) => positions[i]),
        into,
      ),
  };
}
