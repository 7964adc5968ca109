import { Worker } from "node:worker_threads";
import { CLOSE, type Request, type Response } from "../embed/local/messages.js";
import { UnavailableError } from "../errors.js";

/** A few equal worker threads behind one asynchronous function. */
export interface WorkerClient<Payload, Result> {
  /** Sends to the worker with the fewest requests under way; `transfer` moves to it. */
  call(payload: Payload, transfer?: readonly ArrayBuffer[]): Promise<Result>;
  /** Milliseconds that the workers have worked on requests, all together. */
  readonly busy: number;
  /**
   * Rejects the requests under way, at once, and ends the workers. Settles when they have ended: a worker in a native call,
   * such as a long batch, ends after it.
   */
  close(): Promise<void>;
}

interface Pending<Result> {
  resolve(result: Result): void;
  reject(error: Error): void;
}

/**
 * Starts `count` workers on a module that answers with `serve`. A worker that throws or exits rejects everything that
 * waits for it and every later call with its cause; nothing hangs.
 */
export function startWorkers<Payload, Result>(options: {
  module: URL;
  startup: unknown;
  count: number;
}): WorkerClient<Payload, Result> {
  const { module, startup, count } = options;
  let nextTask = 0;
  let failure: Error | undefined;
  let busy = 0;
  const members = Array.from({ length: count }, () => {
    const worker = new Worker(module, { workerData: startup });
    const pending = new Map<number, Pending<Result>>();
    const fail = (error: Error) => {
      failure ??= error;
      for (const { reject } of pending.values()) reject(error);
      pending.clear();
    };
    worker.on("message", (response: Response<Result>) => {
      const task = pending.get(response.taskId);
      pending.delete(response.taskId);
      if (task === undefined) return;
      if ("result" in response) {
        busy += response.milliseconds;
        task.resolve(response.result);
      } else {
        const { message, unavailable } = response.error;
        task.reject(unavailable ? new UnavailableError(message) : new Error(message));
      }
    });
    worker.on("error", fail);
    const ended = new Promise<void>((resolve) => {
      worker.on("exit", (code) => {
        fail(new Error(`worker ${module.pathname.split("/").at(-1)} ended with code ${code}`));
        resolve();
      });
    });
    return { worker, pending, ended };
  });
  return {
    get busy() {
      return busy;
    },
    call(payload, transfer = []) {
      if (failure !== undefined) return Promise.reject(failure);
      const member = members.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
      const request: Request<Payload> = { taskId: nextTask++, payload };
      return new Promise((resolve, reject) => {
        member.pending.set(request.taskId, { resolve, reject });
        member.worker.postMessage(request, transfer);
      });
    },
    async close() {
      failure ??= new Error("the workers were closed");
      for (const { pending } of members) {
        for (const { reject } of pending.values()) reject(failure);
        pending.clear();
      }
      for (const { worker } of members) worker.postMessage(CLOSE);
      await Promise.all(members.map(({ ended }) => ended));
    },
  };
}
