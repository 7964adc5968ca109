import { UnavailableError } from "../errors.js";
import type { ColumnCodes } from "../join/codes/column-codes.js";
import type { ColumnHost, HostSettings, Meeting, MeetingTile } from "../join/column-host.js";
import type { ColumnWorkers } from "../join/join-options.js";
import type { Pairs } from "../join/pair-list.js";
import { deviceTurn } from "../onnx/device-turn.js";
import type { Provider } from "../onnx/ort-engine.js";
import { startWorkers, type WorkerClient } from "./client.js";
import { moving, type Workers } from "./messages.js";

/**
 * More workers than this would wait for the thread that decides: at 100,000 x 1,024 its own work is a third of the products.
 * With more vectors its share falls.
 */
const MOST_WORKERS = 32;

/**
 * Workers that hold columns for the join: one for each of `threads` but the caller's, or one that computes on a device. An error
 * of a worker rejects the meeting that asks next.
 */
export function columnWorkers(threads: number, provider: Provider = "cpu"): ColumnWorkers {
  const device = provider !== "cpu";
  const module = new URL("./column-worker.js", import.meta.url);
  return {
    // A device is one, and has threads enough.
    most: device ? 1 : Math.min(threads - 1, MOST_WORKERS),
    async start(count) {
      const onEnd = await deviceTurn(provider);
      const workers = startWorkers<Workers["columns"]>({ module, startup: provider, count, onEnd });
      return workers.map((worker) => new WorkerHost(worker, provider));
    },
    device,
  };
}

/** A host in a worker thread. Its calls are sent and not waited for: the worker answers them in order. */
class WorkerHost implements ColumnHost {
  readonly #worker: WorkerClient<Workers["columns"]["calls"]>;
  readonly #provider: Provider;
  /** The first error, after which the host is of no use. */
  #failure: Error | undefined;

  constructor(worker: WorkerClient<Workers["columns"]["calls"]>, provider: Provider) {
    this.#worker = worker;
    this.#provider = provider;
  }

  async open(settings: HostSettings): Promise<void> {
    this.#sent(this.#worker.call("open", settings));
  }

  async hold(group: number, { data, count, bounds }: ColumnCodes): Promise<void> {
    const copy = data.slice();
    this.#sent(this.#worker.call("hold", moving({ group, data: copy, count, bounds }, copy)));
  }

  async unload(group: number): Promise<void> {
    this.#sent(this.#worker.call("unload", group));
  }

  async drop(group: number): Promise<void> {
    this.#sent(this.#worker.call("drop", group));
  }

  meet({ codes, removed }: MeetingTile, groups: readonly number[]): Meeting {
    const found: Pairs[] = [];
    let wake = () => {};
    const onPairs = (pairs: Pairs) => {
      found.push(pairs);
      wake();
    };
    if (groups.length > 0)
      this.#sent(this.#worker.call("meet", { codes, removed, groups }, onPairs)).then(() => wake());
    return {
      next: async () => {
        if (found.length === 0 && this.#failure === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const pairs = found.shift();
        if (pairs === undefined) throw this.#failure;
        return pairs;
      },
    };
  }

  close(): Promise<void> {
    return this.#worker.close();
  }

  /** Settles with the call, and keeps its error for the meeting that asks next. */
  async #sent(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (cause) {
      const { message } = cause as Error;
      const onDevice = `the join does not run on ${this.#provider}: ${message}; use --device cpu`;
      this.#failure ??= this.#provider === "cpu" ? (cause as Error) : new UnavailableError(onDevice);
    }
  }
}
