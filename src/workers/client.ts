import { SHARE_ENV, Worker } from "node:worker_threads";
import { FailedRunError } from "../errors.js";
import {
  type ArgumentOf,
  CLOSE,
  type Moving,
  type PartOf,
  type Request,
  type Response,
  type ResultOf,
  receivedError,
  unpacked,
  type WorkerKind,
} from "./messages.js";

/** One worker thread, or several equal worker threads, behind asynchronous calls. */
export interface WorkerClient<Calls> {
  /**
   * Sends a call. Any number of calls may be in flight; the worker answers them in the order in which they were sent.
   * @param onPart receives the parts of the answer as they arrive; an error that `onPart` throws rejects the call
   * @returns the result, whose moved buffers belong to the caller
   * @throws the worker's error, of the same class if the class decides the exit code; or the reason why the worker
   * ended
   */
  readonly call: <Name extends keyof Calls & string>(
    name: Name,
    argument: ArgumentOf<Calls[Name]> | Moving<ArgumentOf<Calls[Name]>>,
    onPart?: (part: PartOf<Calls[Name]>) => void,
  ) => Promise<ResultOf<Calls[Name]>>;
  /** Number of calls that have no answer yet. */
  readonly waiting: number;
  /** Milliseconds that the worker has spent on answered calls. */
  readonly busy: number;
  /**
   * Rejects the calls in flight at once and ends the worker. Settles when the worker has ended. A worker that is inside
   * a native call, such as a long batch, ends after that call.
   */
  readonly close: () => Promise<void>;
}

/**
 * Starts `count` workers on a module that calls `serve`. If one of them cannot be started, those already started are
 * closed. A worker that crashes or exits rejects every call that waits for it, and every later call, with the cause, so
 * no caller hangs.
 * @param options.module URL of the worker's compiled module
 * @param options.startup value that the worker starts with; copied to each worker
 * @param options.onEnd called once all workers have ended, and at once if none could be started
 * @returns the workers, which the caller closes
 * @throws Error if a worker cannot be started
 */
export function startWorkers<Kind extends WorkerKind>(options: {
  readonly module: URL;
  readonly startup: Kind["startup"];
  readonly count: number;
  readonly onEnd?: () => void;
}): WorkerClient<Kind["calls"]>[] {
  const { module, startup, count, onEnd = () => {} } = options;
  const workers: WorkerClient<Kind["calls"]>[] = [];
  let running = 0;
  const ended = () => {
    if (--running === 0) onEnd();
  };
  try {
    for (; running < count; running++) workers.push(startWorker(module, startup, ended));
  } catch (error) {
    if (running === 0) onEnd();
    for (const { close } of workers) close().catch(() => {});
    throw error;
  }
  if (count === 0) onEnd();
  return workers;
}

/**
 * Joins equal workers to one client that sends each call to the worker with the fewest calls in flight. Closing the
 * client closes all of them.
 */
export function leastLoaded<Calls>(workers: readonly WorkerClient<Calls>[]): WorkerClient<Calls> {
  return {
    call: (...call) => workers.reduce((a, b) => (b.waiting < a.waiting ? b : a)).call(...call),
    get waiting() {
      return workers.reduce((sum, { waiting }) => sum + waiting, 0);
    },
    get busy() {
      return workers.reduce((sum, { busy }) => sum + busy, 0);
    },
    async close() {
      await Promise.all(workers.map(({ close }) => close()));
    },
  };
}

/** The promise of a call that waits for its answer. */
interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onPart?(part: unknown): void;
}

/** Starts one worker. `onEnd` is called once, when the thread has ended. */
function startWorker<Calls>(module: URL, startup: unknown, onEnd: () => void): WorkerClient<Calls> {
  // A worker inherits the flags of a program that node was given as text, and refuses to load a module by them.
  const textFlags = process.execArgv.some((flag) => flag.startsWith("--input-type"));
  // Libraries of devices read the process's environment, which a worker's own copy would not reach.
  const worker = new Worker(module, { workerData: startup, env: SHARE_ENV, ...(textFlags ? { execArgv: [] } : {}) });
  const tasks = new Map<number, Waiting>();
  let nextTask = 0;
  let busy = 0;
  let failure: Error | undefined;
  /** Rejects every call in flight. The first error is kept and rejects every later call. */
  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of tasks.values()) reject(failure);
    tasks.clear();
  };
  worker.on("message", (response: Response) => {
    const task = tasks.get(response.task);
    // A call that `onPart` or `close` has rejected no longer waits for its answer.
    if (task === undefined) return;
    if ("part" in response) {
      try {
        task.onPart?.(response.part);
        return;
      } catch (error) {
        task.reject(error as Error);
      }
    } else if ("error" in response) task.reject(receivedError(response.error));
    else {
      busy += response.milliseconds;
      task.resolve(response.result);
    }
    tasks.delete(response.task);
  });
  worker.on("messageerror", fail);
  worker.on("error", fail);
  const ended = new Promise<void>((resolve) => {
    worker.on("exit", (code) => {
      fail(new FailedRunError(`worker ${module.pathname.split("/").at(-1)} ended with code ${code}`));
      onEnd();
      resolve();
    });
  });
  return {
    call(name, argument, onPart) {
      if (failure !== undefined) return Promise.reject(failure);
      const { value, transfer } = unpacked<unknown>(argument);
      const task = nextTask++;
      return new Promise((resolve, reject) => {
        worker.postMessage({ task, call: name, argument: value } satisfies Request, transfer);
        tasks.set(task, { resolve, reject, onPart } as Waiting);
      });
    },
    get waiting() {
      return tasks.size;
    },
    get busy() {
      return busy;
    },
    async close() {
      fail(new Error("the workers were closed"));
      worker.postMessage(CLOSE);
      await ended;
    },
  };
}
