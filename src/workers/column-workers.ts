import { Worker } from "node:worker_threads";
import { UnavailableError } from "../errors.js";
import type { ColumnCodes } from "../join/codes/column-codes.js";
import type { ColumnHost, Meeting, MeetingTile } from "../join/column-host.js";
import type { ColumnWorkers } from "../join/join-options.js";
import type { Pairs } from "../join/pair-list.js";
import { takeDevice } from "../onnx/device-turn.js";
import type { Provider } from "../onnx/ort-engine.js";
import type { Found, HostMessage } from "./column-messages.js";

/**
 * More workers than this would wait for the thread that decides: at 100,000 x 1,024 its own work is a third of the products.
 * With more vectors its share falls.
 */
const MOST_WORKERS = 32;

/**
 * Workers that hold columns for the join: one for each of `threads` but the caller's, or one that computes on a device. What fails
 * in them shows when they are asked.
 */
export function columnWorkers(threads: number, provider: Provider = "cpu"): ColumnWorkers {
  const device = provider !== "cpu";
  return {
    // A device is one, and has threads enough.
    most: device ? 1 : Math.min(threads - 1, MOST_WORKERS),
    start(count) {
      const hosts: ColumnHost[] = [];
      try {
        while (hosts.length < count) hosts.push(new WorkerHost(provider));
      } catch (error) {
        for (const host of hosts) host.close().catch(() => {});
        throw error;
      }
      return hosts;
    },
    device,
  };
}

/** Results of one tile, as they come. */
interface Inbox {
  readonly found: Exclude<Found, { error: string }>[];
  /** Groups that are still to answer. */
  left: number;
  waiting?: { resolve(pairs: Pairs): void; reject(error: Error): void };
}

function toPairs({ rows, columns }: { rows: Int32Array; columns: Int32Array }): Pairs {
  return { rows, columns, length: rows.length };
}

/** A host in a worker thread. Requests are sent and not waited for: the worker does them in order. */
class WorkerHost implements ColumnHost {
  readonly #provider: Provider;
  readonly #worker: Worker;
  readonly #inboxes = new Map<number, Inbox>();
  readonly #ended: Promise<void>;
  #tiles = 0;
  #failure: Error | undefined;

  constructor(provider: Provider) {
    this.#provider = provider;
    const giveBack = takeDevice(provider);
    this.#worker = new Worker(new URL("./column-worker.js", import.meta.url), { workerData: provider });
    this.#worker.on("message", (found: Found) => this.#receive(found));
    this.#worker.on("error", (error) => this.#fail(error));
    this.#ended = new Promise((resolve) => {
      this.#worker.on("exit", (code) => {
        this.#fail(new Error(`a worker of the join ended with code ${code}`));
        giveBack();
        resolve();
      });
    });
  }

  async open(settings: Parameters<ColumnHost["open"]>[0]): Promise<void> {
    this.#send({ kind: "open", settings });
  }

  async hold(group: number, { data, count, bounds }: ColumnCodes): Promise<void> {
    const copy = data.slice();
    this.#send({ kind: "hold", group, data: copy, count, bounds }, [copy.buffer]);
  }

  async rest(group: number): Promise<void> {
    this.#send({ kind: "rest", group });
  }

  async drop(group: number): Promise<void> {
    this.#send({ kind: "drop", group });
  }

  meet({ codes, removed }: MeetingTile, groups: readonly number[]): Meeting {
    const tile = this.#tiles++;
    const inbox: Inbox = { found: [], left: groups.length };
    if (groups.length > 0) {
      this.#inboxes.set(tile, inbox);
      this.#send({ kind: "meet", tile, codes, removed, groups });
    }
    return {
      next: () =>
        new Promise((resolve, reject) => {
          const first = inbox.found.shift();
          if (first !== undefined) resolve(toPairs(first));
          else if (this.#failure !== undefined) reject(this.#failure);
          else inbox.waiting = { resolve, reject };
        }),
    };
  }

  async close(): Promise<void> {
    this.#failure ??= new Error("the workers of the join were closed");
    this.#send({ kind: "close" });
    await this.#ended;
  }

  #send(message: HostMessage, transfer: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(found: Found): void {
    if ("error" in found) {
      const onDevice = `the join does not run on ${this.#provider}: ${found.error}; use --device cpu`;
      this.#fail(this.#provider === "cpu" ? new Error(found.error) : new UnavailableError(onDevice));
      return;
    }
    const inbox = this.#inboxes.get(found.tile);
    if (inbox === undefined) return;
    if (--inbox.left === 0) this.#inboxes.delete(found.tile);
    if (inbox.waiting === undefined) inbox.found.push(found);
    else {
      inbox.waiting.resolve(toPairs(found));
      inbox.waiting = undefined;
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { waiting } of this.#inboxes.values()) waiting?.reject(this.#failure);
    this.#inboxes.clear();
  }
}
