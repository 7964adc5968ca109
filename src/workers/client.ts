import { Worker } from "node:worker_threads";
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

/** One worker thread, or several equal ones, behind asynchronous calls. */
export interface WorkerClient<Calls> {
  /**
   * Sends a call, which need not wait for those before it: the worker answers them in order. `onPart` is given the parts of the
   * answer as they come; an error that it throws rejects the call.
   * @throws what the worker threw, of the same class where that decides the exit code; or why the worker ended
   */
  readonly call: <Name extends keyof Calls & string>(
    name: Name,
    argument: ArgumentOf<Calls[Name]> | Moving<ArgumentOf<Calls[Name]>>,
    onPart?: (part: PartOf<Calls[Name]>) => void,
  ) => Promise<ResultOf<Calls[Name]>>;
  /** Calls that have no answer yet. */
  readonly waiting: number;
  /** Milliseconds spent on answered calls. */
  readonly busy: number;
  /**
   * Rejects the calls under way, at once, and ends the worker. Settles when it has ended: a worker in a native call, such as a
   * long batch, ends after it.
   */
  readonly close: () => Promise<void>;
}

/**
 * Starts `count` workers on a module that answers with `serve`. Where one cannot be started, those before it end. A worker that
 * crashes or exits rejects everything that waits for it and every later call with the cause; nothing hangs.
 * @param options.onEnd called once all of them have ended, and where none could be started
 * @throws Error where a worker cannot be started
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

/** Calls go to the worker with the fewest under way. */
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

/** Who waits for the answer of a call. */
interface Waiting {
  resolve(result: unknown): void;
  reject(error: Error): void;
  onPart?(part: unknown): void;
}

function startWorker<Calls>(module: URL, startup: unknown, onEnd: () => void): WorkerClient<Calls> {
  // A worker inherits the flags of a program that node was given as text, and refuses to load a module by them.
  const textFlags = process.execArgv.some((flag) => flag.startsWith("--input-type"));
  const worker = new Worker(module, { workerData: startup, ...(textFlags ? { execArgv: [] } : {}) });
  const tasks = new Map<number, Waiting>();
  let nextTask = 0;
  let busy = 0;
  let failure: Error | undefined;
  const fail = (error: Error) => {
    failure ??= error;
    for (const { reject } of tasks.values()) reject(failure);
    tasks.clear();
  };
  worker.on("message", (response: Response) => {
    const task = tasks.get(response.task);
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
      fail(new Error(`worker ${module.pathname.split("/").at(-1)} ended with code ${code}`));
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
