import { setTimeout as sleep } from "node:timers/promises";
import type { BrakeError } from "../../errors.js";
import type { Reporter } from "../../reporter.js";
import type { DedupOptions } from "../../run/options.js";
import { noSpace } from "../../run/work/work-area.js";
import { LostOutputError } from "../lost-output.js";
import type { RunFolder } from "../run-folder.js";
import type { Phase, Stage } from "../stage.js";
import { type Claim, Claims } from "./claims.js";
import { endingError, Failures } from "./failures.js";
import { isPublished, PlanWatch, tidyUp } from "./plan-watch.js";
import { keyOf, Schedule, type TaskName } from "./schedule.js";
import { Backoff, WAITS, type Waits } from "./waits.js";
import { runWatchedTask } from "./watched-task.js";

/** What a worker works with. */
export interface WorkerOptions {
  readonly folder: RunFolder;
  /** All stages of the run, in their order. */
  readonly stages: readonly Stage[];
  /** Does tasks of this phase alone, waits for those of the earlier ones, and ends when the phase is done. */
  readonly phase?: Phase;
  /** The flags of the plan, resolved; `threads` and `memory` are this worker's own. */
  readonly options: DedupOptions;
  readonly reporter: Reporter;
  readonly signal?: AbortSignal;
  /** Judges an error: exit code and message as a command would end with. */
  readonly verdictOf: (error: unknown) => { readonly exitCode: number; readonly message: string };
  readonly waits?: Waits;
  /** Called with each task that this worker has done. */
  readonly onDone?: (task: TaskName, seconds: number) => void;
}

/**
 * Works on a run until all its tasks, or those of a phase, are done: claims a task that may start, does it, marks it and
 * looks for the next one. Any number of workers may do so on any machines that share the run folder; whatever a dead
 * worker had begun is done again by another one.
 * @returns the number of tasks that this worker has done
 * @throws the error that ends the run for all workers, of the class that decides the exit code; FailedRunError if the
 * run was removed or started over meanwhile; the signal's reason after an abort
 */
export function runWorker(options: WorkerOptions): Promise<number> {
  return new Worker(options).work();
}

class Worker {
  readonly #options: WorkerOptions;
  readonly #folder: RunFolder;
  readonly #waits: Waits;
  readonly #schedule: Schedule;
  readonly #claims: Claims;
  readonly #failures: Failures;
  readonly #watch: PlanWatch;
  readonly #backoff: Backoff;
  /** Where this worker begins to look in a list of tasks, so that many workers do not all try the same one. */
  readonly #start = Math.floor(Math.random() * 2 ** 30);
  /** Aborted when a signal arrives, or the plan is found to be gone. */
  readonly #stopped = new AbortController();
  #ready: TaskName[] = [];
  /** Until when the list of tasks that may start counts as new enough. */
  #readyUntil = 0;
  #done = 0;
  /** Stage of the last task, which may keep something in memory for the next one. */
  #stage: Stage | undefined;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.#folder = options.folder;
    this.#waits = options.waits ?? WAITS;
    this.#schedule = new Schedule(this.#folder, options.stages);
    this.#claims = new Claims(this.#folder.path("claims"), this.#waits.patience);
    this.#failures = new Failures(this.#folder.path("failures"));
    this.#watch = new PlanWatch(this.#folder);
    this.#backoff = new Backoff(this.#waits);
  }

  async work(): Promise<number> {
    const { signal } = this.#options;
    const stop = () => this.#stopped.abort(signal?.reason);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
    try {
      while (!(await this.#isOver())) {
        const claim = await this.#claim();
        if (claim === undefined) await this.#rest();
        else await this.#attempt(claim);
      }
      return this.#done;
    } catch (error) {
      // A worker that meets the end of the run in the middle of something has only come too late.
      if (!this.#stopped.signal.aborted && (await this.#isFinished())) return this.#done;
      throw noSpace(this.#folder.out, error) ?? error;
    } finally {
      signal?.removeEventListener("abort", stop);
      await this.#stage?.release?.();
    }
  }

  /**
   * Looks at the run, unless the last look is new enough.
   * @returns whether there is nothing left for this worker
   * @throws the error that ends the run
   */
  async #isOver(): Promise<boolean> {
    this.#stopped.signal.throwIfAborted();
    if (this.#ready.length > 0 && performance.now() < this.#readyUntil) return false;
    if ((await this.#watch.check()) === "finished") return true;
    const began = performance.now();
    try {
      if (await this.#schedule.look()) this.#backoff.reset();
      await this.#throwFinal();
      this.#ready = await this.#schedule.ready((stage) => this.#isWanted(stage));
    } catch (error) {
      if (!(error instanceof LostOutputError)) throw error;
      await this.#redo(error);
      this.#ready = [];
      return false;
    }
    // Looking takes a tenth of the time at most.
    this.#readyUntil = performance.now() + 10 * (performance.now() - began);
    if (this.#schedule.finished) {
      if (await isPublished(this.#folder)) await tidyUp(this.#folder);
      return true;
    }
    return this.#schedule.stages.every(({ stage, complete }) => complete || !this.#isWanted(stage));
  }

  #isWanted({ phase }: Stage): boolean {
    return this.#options.phase === undefined || this.#options.phase === phase;
  }

  async #isFinished(): Promise<boolean> {
    return (await this.#watch.check().catch(() => "same")) === "finished";
  }

  /** Claims a task: one that nobody has begun, else one that a dead worker has left. */
  async #claim(): Promise<Claim | undefined> {
    const claimed = await this.#claims.list();
    const left: TaskName[] = [];
    const free = this.#ready.filter((task) => {
      if (!claimed.has(keyOf(task))) return true;
      left.push(task);
      return false;
    });
    // The first tasks of the list are the most urgent ones: the worker begins at one of as many as there are workers.
    const from = this.#start % Math.max(1, Math.min(free.length, this.#folder.plan.workers));
    for (let i = 0; i < free.length; i++) {
      const task = free[(from + i) % free.length];
      this.#ready = this.#ready.filter((other) => other !== task);
      const claim = await this.#claims.take(task);
      if (claim !== undefined && (await this.#isOpen(claim))) return claim;
    }
    this.#ready = [];
    const claim = await this.#claims.takeOver(left);
    if (claim === undefined || !(await this.#isOpen(claim))) return undefined;
    await this.#failures.add(claim.task, {
      kind: "died",
      exitCode: 1,
      message: `${claim.from} ended without a word, perhaps killed for its memory`,
    });
    this.#note(`${claim.from} is gone: doing its task ${claim.task.index} of ${claim.task.stage}`);
    return claim;
  }

  /**
   * Whether the task of a claim is still to be done; the claim is released where it is not. Another worker may have done
   * it, or failed at it, between the last look and the claim: its word comes before its claim is free.
   * @throws the error that ends the run
   */
  async #isOpen({ task, release }: Claim): Promise<boolean> {
    let isOpen = false;
    try {
      const isDone = (await this.#folder.marker(task.stage, task.index)) !== undefined;
      if (isDone) this.#schedule.markDone(task);
      else await this.#throwFinal();
      isOpen = !isDone;
    } finally {
      if (!isOpen) await release();
    }
    return isOpen;
  }

  /** @throws the error that ends the run for all workers, where a failure gives cause */
  async #throwFinal(): Promise<void> {
    const error = endingError(await this.#failures.all(), (task) => this.#schedule.isDone(task));
    if (error !== undefined) throw error;
  }

  /** Waits for other workers, or until the run is stopped. */
  async #rest(milliseconds = this.#backoff.next()): Promise<void> {
    await sleep(milliseconds, undefined, { signal: this.#stopped.signal }).catch(() => {});
  }

  /** Does the task of a claim. A failure is recorded for all workers, and the task left to whoever comes next. */
  async #attempt(claim: Claim): Promise<void> {
    const { task } = claim;
    const began = performance.now();
    this.#backoff.reset();
    try {
      await this.#do(task);
      this.#options.onDone?.(task, (performance.now() - began) / 1000);
      this.#schedule.markDone(task);
      this.#done++;
    } catch (error) {
      this.#stopped.signal.throwIfAborted();
      if ((await this.#watch.check()) === "finished") return;
      if (error instanceof LostOutputError) await this.#redo(error);
      else await this.#fail(task, error);
    } finally {
      await claim.release();
    }
  }

  /** Does a task, and lets go of what the tasks of another stage have left. */
  async #do({ stage: name, index }: TaskName): Promise<void> {
    const { stages, options, reporter } = this.#options;
    const stage = stages.find((other) => other.name === name) as Stage;
    if (this.#stage !== stage) await this.#stage?.release?.();
    this.#stage = stage;
    const own = { folder: this.#folder, watch: this.#watch, every: this.#waits.watch, stopped: this.#stopped };
    await runWatchedTask({ ...own, stage, index, options, reporter });
  }

  /** Takes back the marker of a task whose output is lost. Only the worker that removes the marker tells. */
  async #redo({ stage, index, folder, message }: LostOutputError): Promise<void> {
    const task = { stage, index };
    this.#schedule.forget(task);
    this.#ready = [];
    const isRedone = folder === undefined && (await this.#folder.marker(stage, index)) !== undefined;
    if (isRedone || !(await this.#folder.forget(stage, index, folder))) return;
    await this.#failures.add(task, { kind: "lost", exitCode: 1, message });
    this.#note(`task ${index} of ${stage} is done again: ${message}`);
  }

  async #fail(task: TaskName, error: unknown): Promise<void> {
    const verdict = this.#options.verdictOf(noSpace(this.#folder.out, error) ?? error);
    const { counted } = error as Partial<BrakeError>;
    await this.#failures.add(task, { kind: "failed", ...verdict, ...(counted && { counted }) });
    this.#ready = [];
    // The run ends with the very error, its stack included.
    if (verdict.exitCode !== 1) throw error;
    this.#note(`task ${task.index} of ${task.stage} failed and will be tried again: ${verdict.message}`);
    await this.#rest(10 * this.#waits.least);
  }

  #note(message: string): void {
    this.#options.reporter.note(message);
  }
}
