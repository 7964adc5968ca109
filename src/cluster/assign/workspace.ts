import type { ClusterKernels } from "../../kernels/cluster-kernels.js";
import { KernelInstance } from "../../kernels/instance.js";

/** Bytes of the vectors that the kernels hold at a time: as many as stay in the cache between two kernels. */
const CHUNK = 2 ** 18;

/**
 * The memory that the kernels of a shard share: centroids, sums, the bounds of the first `bounded` rows, and the
 * vectors of one chunk of rows. The arrays are views of that memory, which does not move.
 *
 * Memory: 12 bytes for each component of the centroids, `boundBytes` for each bounded row, and some 300 KB.
 */
export function openWorkspace(size: {
  readonly dim: number;
  readonly k: number;
  readonly bounded: number;
  /** Vectors that are to lie in this memory, and not only those of a chunk; default 0. */
  readonly resident?: number;
}) {
  const { dim, k, bounded, resident = 0 } = size;
  const chunk = Math.max(16, Math.min(1024, Math.floor(CHUNK / (4 * dim))));
  const width = boundWidth(k);
  // Rows without bounds that last use those of one chunk.
  const rows = bounded + chunk;
  const kernels = new KernelInstance();
  const at = kernels.layOut(
    k * dim * 4,
    width * 4,
    width * 2,
    k * dim * 8,
    rows * width * 2,
    rows * 2,
    rows * 4,
    (resident + chunk) * dim * 4,
    chunk * k * 4,
    chunk * 4,
    chunk * 4,
    chunk * 4,
    chunk * 4,
    chunk,
    chunk * 8,
    (k + 8) * 4,
  );
  const [
    centroids,
    biases,
    shifts,
    sums,
    lower,
    upper,
    norms,
    vectors,
    scores,
    from,
    to,
    weights,
    unsure,
    open,
    results,
    near,
  ] = at;
  const { buffer } = kernels.bytes;
  const arrays = {
    centroids: new Float32Array(buffer, centroids, k * dim),
    biases: new Float32Array(buffer, biases, k),
    /** Shift of each centroid since the last pass, in units. */
    shifts: new Uint16Array(buffer, shifts, width),
    sums: new Float64Array(buffer, sums, k * dim),
    /** `width` distances from below for each row, in units. */
    lower: new Uint16Array(buffer, lower, rows * width),
    /** The distance of each row to the centroid of its cluster from above, in units. */
    upper: new Uint16Array(buffer, upper, rows),
    norms: new Float32Array(buffer, norms, rows),
    vectors: new Float32Array(buffer, vectors, chunk * dim),
    resident: new Float32Array(buffer, vectors + chunk * dim * 4, resident * dim),
    scores: new Float32Array(buffer, scores, chunk * k),
    from: new Int32Array(buffer, from, chunk),
    to: new Int32Array(buffer, to, chunk),
    weights: new Uint32Array(buffer, weights, chunk),
    unsure: new Int32Array(buffer, unsure, chunk),
    open: new Uint8Array(buffer, open, chunk),
    results: new Float64Array(buffer, results, chunk),
  };
  return {
    chunk,
    width,
    run: kernels.run as ClusterKernels,
    arrays,
    /** Addresses of the arrays. */
    at: {
      centroids,
      biases,
      shifts,
      sums,
      lower,
      upper,
      norms,
      vectors,
      scores,
      from,
      to,
      weights,
      unsure,
      open,
      results,
      near,
    },
  };
}

export type Workspace = ReturnType<typeof openWorkspace>;

/** Bounds of a row: one for each centroid, in steps that the kernels take at once. */
function boundWidth(k: number): number {
  return Math.ceil(k / 8) * 8;
}

/** Bytes that the bounds of a row take. */
export function boundBytes(k: number): number {
  return boundWidth(k) * 2 + 6;
}
