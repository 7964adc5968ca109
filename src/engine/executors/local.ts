import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { UsageError } from "../../errors.js";
import { WORK } from "../../run/work/publication.js";
import { type Crew, type CrewState, type Executor, MOST_RESTARTS, type WorkOrder } from "../executor.js";

/** Milliseconds that workers have to end by themselves. */
const PATIENCE = 5000;

/** Memory of all workers together where the user names none, and what each of them needs at least. */
const MEMORY = 4 * 2 ** 30;
const LEAST_MEMORY = 2 ** 30;

/**
 * The engine that needs none: workers are child processes of this one, which share the processors of this machine. They
 * end with this process, however it ends, because they watch their standard input.
 */
export const local: Executor = {
  name: "local",
  async require(words) {
    if (words.length === 0) return;
    throw new UsageError(
      `--executor local has no flags of its own, but ${words.join(" ")} stands behind --; inputs stand before it`,
    );
  },
  start: async (order) => new LocalCrew(order),
};

/** A worker and its restarts. */
interface Worker {
  process?: ChildProcess;
  restarts: number;
  ended?: string;
}

class LocalCrew implements Crew {
  readonly #order: WorkOrder;
  readonly #logs: string;
  readonly #workers: readonly Worker[];
  /** Messages of workers that were told: several of them say the same. */
  readonly #told = new Set<string>();
  #stopping = false;

  constructor(order: WorkOrder) {
    this.#order = order;
    this.#logs = join(order.folder, WORK, "logs");
    mkdirSync(this.#logs, { recursive: true });
    this.#workers = Array.from({ length: order.workers }, () => ({ restarts: 0 }));
    for (const [number, worker] of this.#workers.entries()) this.#start(worker, number);
  }

  async state(): Promise<CrewState> {
    const working = this.#workers.filter(({ process }) => process !== undefined).length;
    const last = this.#workers.findLast(({ ended }) => ended !== undefined)?.ended;
    return { working, waiting: 0, ended: working === 0, ...(working === 0 && last !== undefined && { reason: last }) };
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers.map(({ process }) => process && endProcess(process)));
  }

  #start(worker: Worker, number: number): void {
    const { workers, threads, memory, cwd } = this.#order;
    const [program, ...words] = this.#order.command();
    const shares = [
      ...(threads === undefined ? ["--threads", Math.max(1, Math.floor(availableParallelism() / workers))] : []),
      ...(memory === undefined ? ["--memory", Math.max(LEAST_MEMORY, Math.floor(MEMORY / workers))] : []),
    ];
    const args = [...words, ...shares.map(String), "--attached", "--log-format", "json"];
    const child = spawn(program, args, { cwd, stdio: ["pipe", "ignore", "pipe"] });
    worker.process = child;
    let last = "";
    const log = createWriteStream(join(this.#logs, `worker-${number}.log`), { flags: "a" }).on("error", () => {});
    createInterface(child.stderr as NodeJS.ReadableStream).on("line", (line) => {
      log.write(`${line}\n`);
      last = this.#tell(line) ?? last;
    });
    child.stdin?.on("error", () => {});
    child.on("error", (error) => {
      worker.process = undefined;
      worker.ended = `worker ${number} cannot be started: ${error.message}`;
    });
    child.on("close", (code, signal) => {
      log.end();
      worker.process = undefined;
      const isKilled = code === null || code === 130 || code === 143;
      const how = isKilled ? `was ended by ${signal ?? "a signal"}` : `ended with exit code ${code}`;
      worker.ended = `worker ${number} ${how}${last === "" ? "" : `: ${last}`}`;
      if (!isKilled || this.#stopping || worker.restarts === MOST_RESTARTS) return;
      worker.restarts++;
      this.#order.note(`${worker.ended}; it is started again`);
      this.#start(worker, number);
    });
  }

  /**
   * Tells the user what a worker has to say; its progress is seen in the run folder.
   * @returns the message of an error, which is told if it ends the run
   */
  #tell(line: string): string | undefined {
    const { message, level } = parsed(line);
    if (message === undefined || level === "error") return message;
    if (!this.#stopping && !this.#told.has(message)) this.#order.note(message);
    this.#told.add(message);
    return undefined;
  }
}

/** A log line of a worker. Whatever else comes, as from a library or from Node itself, counts as an error. */
function parsed(line: string): { readonly message?: string; readonly level?: string } {
  try {
    return JSON.parse(line) as { message?: string; level?: string };
  } catch {
    return { message: line, level: "error" };
  }
}

/** Ends a worker: it releases its task first, if it still can. */
async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.kill("SIGTERM");
  const late = setTimeout(() => child.kill("SIGKILL"), PATIENCE);
  await ended;
  clearTimeout(late);
}
