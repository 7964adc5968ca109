import type { TimedReporter } from "../reporter.js";
import type { DedupOptions } from "../run/options.js";
import type { StageFacts, StageName } from "./facts.js";
import type { RunPlan } from "./plan.js";

/** A task that is done: its facts and its files. */
export interface FinishedTask<Name extends StageName = StageName> {
  readonly facts: StageFacts[Name];
  /** Path of a file that the task wrote. */
  path(name: string): string;
}

/** The finished tasks of a run, as this machine sees them. */
export interface FinishedTasks {
  /** A task's outcome; undefined while it is not done. */
  find<Name extends StageName>(stage: Name, index: number): Promise<FinishedTask<Name> | undefined>;
  /** A task's outcome. @throws LostOutputError where its marker or one of the marker's files is missing */
  get<Name extends StageName>(stage: Name, index: number): Promise<FinishedTask<Name>>;
  /** The outcomes of the tasks 0 to count - 1. @throws as `get` */
  all<Name extends StageName>(stage: Name, count: number): Promise<FinishedTask<Name>[]>;
}

/** What a task is given. */
export interface TaskContext {
  readonly plan: RunPlan;
  /** The flags of the plan, resolved on this machine: `threads` and `memory` are the worker's own. */
  readonly options: DedupOptions;
  readonly index: number;
  readonly tasks: FinishedTasks;
  /** Path of a file that this task writes; folders in the name exist once `path` has returned. */
  path(name: string): string;
  readonly reporter: TimedReporter;
  readonly signal?: AbortSignal;
}

/** Parts of a run, in order, each of which one job of an engine may do with resources of its own. */
export const PHASES = ["read", "embed", "join", "write"] as const;
/** Name of a part of a run. */
export type Phase = (typeof PHASES)[number];

/** A step of the run, cut into tasks that do not know each other. */
export interface Stage<Name extends StageName = StageName> {
  readonly name: Name;
  readonly phase: Phase;
  /** Stages of which every task must be done before a task of this stage starts. */
  readonly after: readonly StageName[];
  /** Number of tasks. Called once the stages of `after` are done, and the same on every machine. */
  count(plan: RunPlan, tasks: FinishedTasks): Promise<number>;
  /** Single tasks that must be done before a task starts, beside the stages of `after`. */
  needs?(index: number, plan: RunPlan, tasks: FinishedTasks): Promise<readonly (readonly [StageName, number])[]>;
  /**
   * Does a task: writes its files by `context.path` and tells its facts. Whatever it did before it was killed is thrown
   * away. The same plan gives the same bytes, on any machine and as often as it is called.
   */
  run(context: TaskContext): Promise<StageFacts[Name]>;
  /**
   * Frees what tasks of this stage have left in the process for the next of them, such as a model. A worker calls it
   * before it does a task of another stage, and at its end.
   */
  release?(): Promise<void>;
}
