import { UnavailableError } from "../errors.js";
import type { ColumnCodes } from "../join/codes/column-codes.js";
import type { ColumnHost, HostSettings, Meeting } from "../join/column-host.js";
import type { ColumnWorkers } from "../join/join-options.js";
import type { MeetingTile } from "../join/meeting-tile.js";
import type { Pairs } from "../join/pair-list.js";
import { deviceTurn } from "../onnx/device-turn.js";
import type { Provider } from "../onnx/ort-engine.js";
import { startWorkers, type WorkerClient } from "./client.js";
import { moving, type Workers } from "./messages.js";

/**
 * More workers would wait for the thread that decides. At 100,000 x 1,024 the work of that thread is a third of the
 * products; with more vectors its share falls.
 */
const MOST_WORKERS = 32;

/**
 * Describes the workers that hold columns for the join; `start` starts them. On the processor there is one worker for
 * each of `threads` except the caller's thread, on a device a single worker. An error of a worker rejects the next call
 * of a meeting's `next`.
 * @param provider device of the products ("cpu")
 */
export function columnWorkers(threads: number, provider: Provider = "cpu"): ColumnWorkers {
  const device = provider !== "cpu";
  const module = new URL("./column-worker.js", import.meta.url);
  return {
    // A device takes one thread of the program, and has enough threads of its own.
    most: device ? 1 : Math.min(threads - 1, MOST_WORKERS),
    async start(count) {
      const onEnd = await deviceTurn(provider);
      const workers = startWorkers<Workers["columns"]>({ module, startup: provider, count, onEnd });
      return workers.map((worker) => new WorkerHost(worker, provider));
    },
    device,
  };
}

/**
 * A host in a worker thread. Its methods send a call and do not wait for the answer: the worker answers calls in order,
 * so a group is held before a tile meets it.
 */
class WorkerHost implements ColumnHost {
  /** Absent on the processor. */
  readonly pairNs?: ColumnHost["pairNs"];
  readonly #worker: WorkerClient<Workers["columns"]["calls"]>;
  readonly #provider: Provider;
  /** The first error of the worker. After an error the host is of no use. */
  #failure: Error | undefined;

  constructor(worker: WorkerClient<Workers["columns"]["calls"]>, provider: Provider) {
    this.#worker = worker;
    this.#provider = provider;
    if (provider === "cpu") return;
    this.pairNs = async (depth) => {
      try {
        return (await worker.call("pairNs", depth)) as number;
      } catch (cause) {
        throw this.#reasonOf(cause as Error);
      }
    };
  }

  async open(settings: HostSettings): Promise<void> {
    this.#sent(this.#worker.call("open", settings));
  }

  async hold(group: number, { data, count, bounds }: ColumnCodes): Promise<void> {
    // The caller keeps its codes, so the worker gets a copy, which moves.
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
    const onPairs = (pairs: readonly Pairs[]) => {
      found.push(...pairs);
      wake();
    };
    if (groups.length > 0)
      this.#sent(this.#worker.call("meet", { codes, removed, groups }, onPairs)).then(() => wake());
    return {
      get ready() {
        return found.length;
      },
      next: async () => {
        if (found.length === 0 && this.#failure === undefined) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        const pairs = found.shift();
        // Pairs that arrived before the error are still handed out.
        if (pairs === undefined) throw this.#failure;
        return pairs;
      },
    };
  }

  close(): Promise<void> {
    return this.#worker.close();
  }

  /**
   * Waits for a call and never rejects. The first error is kept for the meeting that asks next; on a device the error
   * becomes an UnavailableError that names the cure.
   */
  async #sent(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (cause) {
      this.#failure ??= this.#reasonOf(cause as Error);
    }
  }

  #reasonOf(cause: Error): Error {
    if (this.#provider === "cpu") return cause;
    return new UnavailableError(`the join does not run on ${this.#provider}: ${cause.message}; use --device cpu`);
  }
}
