import type { VectorReader } from "../../vectors/reader.js";
import { openVectorStores } from "../../vectors/stores.js";
import type { FinishedTask } from "../stage.js";
import { FILES } from "../task-files.js";

/** The vectors of all embed tasks of a run. Positions run through, task after task. */
export interface RunVectors extends VectorReader {
  /** Position of the first vector of each task, followed by the number of all. */
  readonly starts: Float64Array;
  /** Reads the first row of each vector of a task. The caller owns the array, which is empty where the task made none. */
  rows(task: number): Promise<Float64Array>;
  /** Closes all files. */
  close(): Promise<void>;
}

/**
 * Opens the vectors of a run, of which at most 16 files are open at the same time. No file is opened before its vectors
 * are asked for.
 *
 * Whoever wants many vectors asks for all of them at once and in ascending order: each file is then opened once.
 * @param embedded all tasks of the stage embed, in order
 * @returns a reader that the caller closes. It has 0 components if no task knows a number of components
 * @throws InputError from `gather` and `rows` where a file is damaged or is not what its task said
 */
export async function openRunVectors(embedded: readonly FinishedTask<"embed">[]): Promise<RunVectors> {
  const starts = firstVectors(embedded);
  const filled = embedded.flatMap(({ facts }, task) => (facts.vectors > 0 ? [task] : []));
  if (filled.length === 0) {
    return { ...EMPTY, dim: dimensionOf(embedded), starts };
  }
  const stores = await openVectorStores(
    filled.map((task) => embedded[task].path(FILES.embed.vectors)),
    { sizes: filled.map((task) => ({ count: embedded[task].facts.vectors, dim: embedded[task].facts.dim })) },
  );
  const storeOf = new Map(filled.map((task, store) => [task, store]));
  return {
    count: stores.count,
    dim: stores.dim,
    starts,
    gather: stores.gather,
    async rows(task) {
      const store = storeOf.get(task);
      return store === undefined ? new Float64Array(0) : stores.rows(store);
    },
    close: stores.close,
  };
}

/** Position of the first vector of each task, followed by the number of all; the caller's. */
export function firstVectors(embedded: readonly FinishedTask<"embed">[]): Float64Array {
  const starts = new Float64Array(embedded.length + 1);
  for (const [task, { facts }] of embedded.entries()) starts[task + 1] = starts[task] + facts.vectors;
  return starts;
}

/** Components of a vector of the run; 0 if no task knows. */
export function dimensionOf(embedded: readonly FinishedTask<"embed">[]): number {
  return embedded.find(({ facts }) => facts.dim > 0)?.facts.dim ?? 0;
}

const EMPTY = {
  count: 0,
  gather: async () => {},
  rows: async () => new Float64Array(0),
  close: async () => {},
};
