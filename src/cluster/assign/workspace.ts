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
  const sizes = {
    centroids: k * dim * 4,
    biases: width * 4,
    shifts: width * 2,
    sums: k * dim * 8,
    lower: rows * width * 2,
    upper: rows * 2,
    norms: rows * 4,
    vectors: (resident + chunk) * dim * 4,
    scores: chunk * k * 4,
    from: chunk * 4,
    to: chunk * 4,
    weights: chunk * 4,
    unsure: chunk * 4,
    open: chunk,
    results: chunk * 8,
    near: (k + 8) * 4,
  };
  const addresses = kernels.layOut(...Object.values(sizes));
  /** Addresses of the arrays. */
  const at = Object.fromEntries(Object.keys(sizes).map((name, i) => [name, addresses[i]])) as Record<
    keyof typeof sizes,
    number
  >;
  const { buffer } = kernels.bytes;
  const arrays = {
    centroids: new Float32Array(buffer, at.centroids, k * dim),
    biases: new Float32Array(buffer, at.biases, k),
    /** Shift of each centroid since the last pass, in units. */
    shifts: new Uint16Array(buffer, at.shifts, width),
    sums: new Float64Array(buffer, at.sums, k * dim),
    /** `width` distances from below for each row, in units. */
    lower: new Uint16Array(buffer, at.lower, rows * width),
    /** The distance of each row to the centroid of its cluster from above, in units. */
    upper: new Uint16Array(buffer, at.upper, rows),
    norms: new Float32Array(buffer, at.norms, rows),
    vectors: new Float32Array(buffer, at.vectors, chunk * dim),
    resident: new Float32Array(buffer, at.vectors + chunk * dim * 4, resident * dim),
    scores: new Float32Array(buffer, at.scores, chunk * k),
    from: new Int32Array(buffer, at.from, chunk),
    to: new Int32Array(buffer, at.to, chunk),
    weights: new Uint32Array(buffer, at.weights, chunk),
    unsure: new Int32Array(buffer, at.unsure, chunk),
    open: new Uint8Array(buffer, at.open, chunk),
    results: new Float64Array(buffer, at.results, chunk),
  };
  return { chunk, width, run: kernels.run as ClusterKernels, arrays, at };
}

/** What `openWorkspace` gives. */
export type Workspace = ReturnType<typeof openWorkspace>;

/** Bounds of a row: one for each centroid, in steps that the kernels take at once. */
function boundWidth(k: number): number {
  return Math.ceil(k / 8) * 8;
}

/** Bytes that the bounds of a row take. */
export function boundBytes(k: number): number {
  return boundWidth(k) * 2 + 6;
}
