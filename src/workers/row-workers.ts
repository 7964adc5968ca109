import type { Shard } from "../cluster/shard.js";
import type { ShardWorkers } from "../cluster/shards.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { startWorkers, type WorkerClient } from "./client.js";
import type { Workers } from "./messages.js";

/**
 * Describes the workers of k-means over the vectors of a store; `start` starts them. An error of a worker rejects the
 * call that caused the error.
 * @param threads number of threads in all, the caller's included
 * @param store path of embeddings.arrow, which every worker opens itself
 */
export function rowWorkers(threads: number, store: string): ShardWorkers {
  const module = new URL("./row-worker.js", import.meta.url);
  return {
    threads,
    engine: (own) => createOrtEngine({ threads: own }),
    start(count, own, onRows) {
      const workers = startWorkers<Workers["rows"]>({ module, startup: { store, threads: own }, count });
      return workers.map((worker, s) => workerShard(worker, (rows) => onRows(s, rows)));
    },
  };
}

/** A shard in a worker thread. An error that `onRows` throws rejects the call in flight. */
function workerShard({ call, close }: WorkerClient<Workers["rows"]["calls"]>, onRows: (rows: number) => void): Shard {
  return {
    open: (settings) => call("open", settings),
    pass: (centroids, measured = false) => call("pass", { centroids, measured }, onRows),
    move: (row, to) => call("move", { row, to }),
    distances: () => call("distances", undefined, onRows),
    assignment: () => call("assignment", undefined),
    close,
  };
}
