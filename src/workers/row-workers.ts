import { Worker } from "node:worker_threads";
import type { ShardWorkers } from "../cluster/lloyd.js";
import type { Shard, ShardSettings } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";
import { InputError } from "../errors.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import type { RowReply, RowRequest, RowResults, RowWorkerData } from "./row-messages.js";

/** Workers for k-means over the vectors of a store. What fails in them shows when they are asked. */
export function rowWorkers(threads: number, store: string): ShardWorkers {
  return {
    threads,
    engine: (own) => createOrtEngine({ threads: own }),
    start(count, own, onRows) {
      const shards: Shard[] = [];
      try {
        for (let s = 0; s < count; s++) {
          shards.push(new WorkerShard({ store, threads: own }, (rows) => onRows(s, rows)));
        }
      } catch (error) {
        for (const shard of shards) shard.close().catch(() => {});
        throw error;
      }
      return shards;
    },
  };
}

/** Who waits for a result. */
interface Waiting {
  resolve(value: RowResults[keyof RowResults]): void;
  reject(error: Error): void;
}

/** A shard in a worker thread. */
class WorkerShard implements Shard {
  readonly #worker: Worker;
  readonly #onRows: (rows: number) => void;
  readonly #waiting: Waiting[] = [];
  readonly #ended: Promise<void>;
  #failure: Error | undefined;

  /** `onRows` may throw, which fails what is waited for. */
  constructor(data: RowWorkerData, onRows: (rows: number) => void) {
    this.#onRows = onRows;
    this.#worker = new Worker(new URL("./row-worker.js", import.meta.url), { workerData: data });
    this.#worker.on("message", (message: RowReply) => this.#receive(message));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#fail(new Error(`a worker of k-means ended with code ${code}`));
        resolve();
      });
    });
  }

  async open(settings: ShardSettings): Promise<void> {
    await this.#ask("open", { kind: "open", settings });
  }

  pass(centroids: Float32Array, fresh: boolean): Promise<Totals> {
    return this.#ask("pass", { kind: "pass", centroids, fresh });
  }

  move(row: number, to: number): Promise<Totals> {
    return this.#ask("move", { kind: "move", row, to });
  }

  distances(): Promise<Float64Array> {
    return this.#ask("distances", { kind: "distances" });
  }

  assignment(): Promise<Int32Array> {
    return this.#ask("assignment", { kind: "assignment" });
  }

  async close(): Promise<void> {
    this.#fail(new Error("the workers of k-means were closed"));
    this.#worker.postMessage({ kind: "close" } satisfies RowRequest);
    await this.#ended;
  }

  #ask<K extends keyof RowResults>(_: K, request: RowRequest): Promise<RowResults[K]> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ resolve: (value) => resolve(value as RowResults[K]), reject });
      this.#worker.postMessage(request);
    });
  }

  #receive(reply: RowReply): void {
    if (reply.kind === "error") this.#fail(reply.input ? new InputError(reply.message) : new Error(reply.message));
    else if (reply.kind === "result") this.#waiting.shift()?.resolve(reply.value);
    else if (this.#failure === undefined) {
      try {
        this.#onRows(reply.rows);
      } catch (error) {
        this.#fail(error as Error);
      }
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
