import { setTimeout as sleep } from "node:timers/promises";
import { FailedRunError } from "../errors.js";
import type { Stage as Bar, Reporter } from "../reporter.js";
import type { Crew, Executor, WorkOrder } from "./executor.js";
import { ignoreLost } from "./lost-output.js";
import type { RunFolder } from "./run-folder.js";
import type { Stage } from "./stage.js";
import { DoneTasks, unitOf } from "./work/done-tasks.js";
import { endingError, Failures } from "./work/failures.js";
import { isPublished, PlanWatch, tidyUp } from "./work/plan-watch.js";
import { Schedule, type StageProgress } from "./work/schedule.js";

/** Milliseconds between two looks at the run folder, and between two questions to the engine. */
const LOOK = 250;
const ASK = 2000;

/** Questions to an engine that may fail in a row: a scheduler that is busy answers later. */
const SILENCE = 30;

/** What is followed. */
export interface FollowOptions {
  readonly folder: RunFolder;
  readonly stages: readonly Stage[];
  readonly executor: Executor;
  readonly order: WorkOrder;
  readonly reporter: Reporter;
  readonly signal: AbortSignal;
}

/**
 * Starts workers on an engine and follows the run until its result is published. Whatever happens, no worker is left.
 * @throws the error that ends the run for all workers, as on one machine; FailedRunError where the workers end before the
 * run does; the signal's reason after an abort
 */
export async function runByExecutor(options: FollowOptions): Promise<void> {
  const { executor, order, signal, reporter } = options;
  const crew = await executor.start(order, signal);
  if (crew.look !== undefined) reporter.note(`the engine shows the workers by ${crew.look}`);
  try {
    await follow(options, crew);
  } finally {
    await crew.stop();
  }
}

async function follow({ folder, stages, reporter, signal }: FollowOptions, crew: Crew): Promise<void> {
  const watch = new PlanWatch(folder);
  const failures = new Failures(folder.path("failures"));
  const schedule = new Schedule(folder, stages);
  const bars = new Bars(folder, reporter);
  const asked = askAtTimes(crew, reporter);
  for (let ended: string | undefined; ; await rest(signal)) {
    signal.throwIfAborted();
    if ((await watch.check()) === "finished") return bars.end();
    await schedule.look().catch(ignoreLost);
    await bars.update(schedule.stages);
    const error = endingError(await failures.all(), (task) => schedule.isDone(task));
    if (error !== undefined) throw error;
    if (schedule.finished) {
      if (await isPublished(folder)) await tidyUp(folder);
      return bars.end();
    }
    // The run is looked at once more after the last worker has gone, because it may just have ended it.
    if (ended !== undefined) throw new FailedRunError(ended);
    ended = await asked();
  }
}

const rest = (signal: AbortSignal) => sleep(LOOK, undefined, { signal }).catch(() => {});

/**
 * Returns a function that asks the engine for its workers, if the last question was long enough ago, and tells the user
 * why they wait. It returns what to say where all of them have ended.
 */
function askAtTimes(crew: Crew, reporter: Reporter): () => Promise<string | undefined> {
  let next = 0;
  let silent = 0;
  let told = "";
  return async () => {
    if (performance.now() < next) return undefined;
    next = performance.now() + ASK;
    try {
      const { ended, reason } = await crew.state();
      silent = 0;
      const why = reason === undefined ? "" : `: ${reason}`;
      if (ended) return `all workers have ended before the run was finished${why}; run the same command again to go on`;
      if (reason !== undefined && reason !== told) reporter.note(reason);
      told = reason ?? told;
    } catch (error) {
      silent++;
      if (silent === SILENCE) throw error;
    }
    return undefined;
  };
}

/** A stage that has a bar, and what was done of it before. */
interface ShownStage {
  readonly bar?: Bar;
  readonly before: { readonly tasks: number; readonly amount: number };
}

/** A bar of progress for each stage that has something left to do. */
class Bars {
  readonly #reporter: Reporter;
  readonly #done: DoneTasks;
  /** What is shown of each stage; no bar where nothing was left. */
  readonly #shown = new Map<string, ShownStage>();
  /** The bars that are not full, with their ends. */
  readonly #open = new Map<Bar, number>();
  #isFirst = true;

  constructor(folder: RunFolder, reporter: Reporter) {
    this.#done = new DoneTasks(folder);
    this.#reporter = reporter;
  }

  async update(stages: readonly StageProgress[]): Promise<void> {
    for (const { stage, count, done, complete } of stages) {
      if (count === undefined) continue;
      const totals = await this.#done.add(stage.name, done);
      const unit = unitOf(stage.name);
      let shown = this.#shown.get(stage.name);
      if (shown === undefined) {
        // What was done before this process came is none of its progress.
        const before = this.#isFirst ? totals : { tasks: 0, amount: 0 };
        const left = count - before.tasks;
        const bar = left === 0 ? undefined : this.#reporter.stage(stage.name, left, unit ?? "tasks");
        shown = { bar, before };
        this.#shown.set(stage.name, shown);
        if (bar !== undefined) this.#open.set(bar, left);
      }
      const { bar, before } = shown;
      if (bar === undefined || !this.#open.has(bar)) continue;
      const tasks = totals.tasks - before.tasks;
      bar.advance(tasks, unit === undefined ? tasks : totals.amount - before.amount);
      if (!complete) continue;
      bar.end();
      this.#open.delete(bar);
    }
    this.#isFirst = false;
  }

  /** Completes the bars of stages that ended after the last look. */
  end(): void {
    for (const [bar, tasks] of this.#open) {
      bar.advance(tasks);
      bar.end();
    }
    this.#open.clear();
  }
}
