import { type KernelInstance, kernelInstance } from "./instance.js";
import { CHUNK, holderOf, listSizes } from "./vector-memory.js";

/** Pairs of vectors: row r begins at rowSlots[r] × dim of `rows`, columns alike. The arrays stay the caller's. */
export interface VectorPairs {
  readonly rows: Float32Array;
  readonly rowSlots: Int32Array;
  readonly columns: Float32Array;
  readonly columnSlots: Int32Array;
}

/** Bytes of vectors that the kernels hold at a time: 4,096 vectors of 1,024 components. */
const ROOM = 16 << 20;
/** Bytes that the kernel takes at a step. */
const STEP = 64;

/**
 * Removes from a list of pairs, in place and keeping their order, those whose float32 dot product is below `least`. A
 * product that is no number stays, and so do the pairs right behind a pair of the same slot of rows with at least
 * `enough`: the caller has mostly no more use for them. Vectors of `allocateVectors` stay where they are if both sides lie in the same
 * memory and dim is a multiple of 16; of others each is copied once where all fit into 16 MB. The products of components
 * are summed in the same order on every machine, with as many roundings at most as a plain sum has.
 * @param pairRows row of each pair, as numbered in `vectors`
 * @param pairColumns column of each pair
 * @param length pairs
 * @returns number of pairs left
 */
export function dropDotsBelow(
  vectors: VectorPairs,
  dim: number,
  pairRows: Int32Array,
  pairColumns: Int32Array,
  length: number,
  least: number,
  enough: number,
): number {
  const holder = (4 * dim) % STEP === 0 ? holderOf(vectors.rows, vectors.columns) : undefined;
  if (holder !== undefined) return dropInPlace(holder, vectors, dim, pairRows, pairColumns, length, least, enough);
  const kernels = kernelInstance();
  const stride = Math.ceil((dim * 4) / STEP) * STEP;
  const slots = Math.max(2, Math.floor(ROOM / stride));
  const [pairsAt, keptAt, vectorsAt] = kernels.layOut(...listSizes, Math.min(slots, 2 * length) * stride);
  const values = kernels.float32(vectorsAt, (Math.min(slots, 2 * length) * stride) / 4);
  const addresses = kernels.int32(pairsAt, CHUNK * 2);
  const kept = kernels.int32(keptAt, CHUNK);
  const width = stride / 4;
  // Components behind the last one are 0 and stay so.
  if (width > dim) values.fill(0);
  const rowSlot = new Int32Array(vectors.rowSlots.length).fill(-1);
  const columnSlot = new Int32Array(vectors.columnSlots.length).fill(-1);
  let used = 0;
  let left = 0;
  let begin = 0;
  for (let i = 0; i < length; ) {
    const row = pairRows[i];
    const column = pairColumns[i];
    // A pair needs at most two more vectors.
    if (used + 2 <= slots && i - begin < CHUNK) {
      if (rowSlot[row] < 0) {
        const from = vectors.rowSlots[row] * dim;
        values.set(vectors.rows.subarray(from, from + dim), used * width);
        rowSlot[row] = used++;
      }
      if (columnSlot[column] < 0) {
        const from = vectors.columnSlots[column] * dim;
        values.set(vectors.columns.subarray(from, from + dim), used * width);
        columnSlot[column] = used++;
      }
      addresses[2 * (i - begin)] = vectorsAt + rowSlot[row] * stride;
      addresses[2 * (i - begin) + 1] = vectorsAt + columnSlot[column] * stride;
      i++;
      if (i < length) continue;
    }
    const count = kernels.run.dotsBelow(pairsAt, i - begin, stride, least, enough, keptAt);
    keepListed(pairRows, pairColumns, { begin, kept, count, left });
    left += count;
    begin = i;
    if (used + 2 > slots) {
      rowSlot.fill(-1);
      columnSlot.fill(-1);
      used = 0;
    }
  }
  return left;
}

/** As `dropDotsBelow`, of vectors that lie in the memory of `kernels`. */
function dropInPlace(
  kernels: KernelInstance,
  { rows, rowSlots, columns, columnSlots }: VectorPairs,
  dim: number,
  pairRows: Int32Array,
  pairColumns: Int32Array,
  length: number,
  least: number,
  enough: number,
): number {
  const [pairsAt, keptAt] = kernels.layOut(...listSizes);
  const addresses = kernels.int32(pairsAt, CHUNK * 2);
  const kept = kernels.int32(keptAt, CHUNK);
  const stride = 4 * dim;
  let left = 0;
  for (let begin = 0; begin < length; begin += CHUNK) {
    const end = Math.min(length, begin + CHUNK);
    for (let i = begin, to = 0; i < end; i++) {
      addresses[to++] = rows.byteOffset + rowSlots[pairRows[i]] * stride;
      addresses[to++] = columns.byteOffset + columnSlots[pairColumns[i]] * stride;
    }
    const count = kernels.run.dotsBelow(pairsAt, end - begin, stride, least, enough, keptAt);
    keepListed(pairRows, pairColumns, { begin, kept, count, left });
    left += count;
  }
  return left;
}

/** Moves the pairs whose numbers behind `begin` are listed in `kept` to the places from `left` on. */
function keepListed(
  pairRows: Int32Array,
  pairColumns: Int32Array,
  { begin, kept, count, left }: { begin: number; kept: Int32Array; count: number; left: number },
): void {
  for (let k = 0; k < count; k++) {
    pairRows[left + k] = pairRows[begin + kept[k]];
    pairColumns[left + k] = pairColumns[begin + kept[k]];
  }
}
