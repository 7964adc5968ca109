import type { Phase } from "./stage.js";

/** Names of the engines that keep workers alive. */
export const EXECUTORS = ["local", "slurm", "ray", "kubernetes"] as const;
/** Name of an engine. */
export type ExecutorName = (typeof EXECUTORS)[number];

/** Times that a worker is started again after something from outside, such as a signal, has ended it. */
export const MOST_RESTARTS = 3;

/** What an engine is to keep alive: nothing of it depends on what the tasks of the run are. */
export interface WorkOrder {
  /** Name of the run for the lists of the engine: letters, digits and dashes, at most 40, beginning with a letter. */
  readonly name: string;
  /** Absolute path of the run folder, on a file system that all machines of the engine share. */
  readonly folder: string;
  /** Absolute path of the folder in which the run was planned. A worker goes there by itself. */
  readonly cwd: string;
  /** Number of workers to keep alive, in each phase. */
  readonly workers: number;
  /** Phases that still have work, in order. */
  readonly phases: readonly Phase[];
  /** Threads and bytes of memory of a worker as the user asked for them; where absent the engine decides or does not care. */
  readonly threads?: number;
  readonly memory?: number;
  /** Words of the user behind `--`, which only the engine understands. */
  readonly engineArguments: readonly string[];
  /** Names of the variables of this process's environment that workers read, secrets among them; never their values. */
  readonly environment: readonly string[];
  /**
   * Command line of a worker, program first, with absolute paths as on this machine.
   * @param phase the worker does tasks of this phase alone and waits for those before; all phases if absent
   */
  command(phase?: Phase): readonly string[];
  /** Tells the user something once. */
  readonly note: (message: string) => void;
}

/** What an engine says of the workers that it was asked for. */
export interface CrewState {
  /** Workers that run, and workers that the engine has accepted but not started. */
  readonly working: number;
  readonly waiting: number;
  /** Whether no worker runs and none will, though nobody called `stop`. */
  readonly ended: boolean;
  /** Why workers wait or have ended, in the engine's words, and the cure; absent where there is nothing to say. */
  readonly reason?: string;
}

/** The workers of a run on an engine. */
export interface Crew {
  /** How many workers there are now. Called every few seconds at most; may ask the engine. */
  state(): Promise<CrewState>;
  /** Ends all workers and waits until the engine has let go of them. May be called more than once. */
  stop(): Promise<void>;
  /** What the user may type to look at the workers, such as `squeue --job 17`; absent where there is nothing. */
  readonly look?: string;
}

/**
 * An engine. It starts worker processes and replaces the ones that are lost; it knows no tasks, because the workers find
 * theirs in the run folder. A worker exits with
 * - 0 once all tasks of its phase, or of the run, are done;
 * - 1 where the run has failed in a way that a rerun may cure, 2 to 5 where it may not: then every other worker ends with
 *   the same code by itself, and a worker that is started again ends at once;
 * - 130 or 143 where a signal ended it, or dies by a signal: only then a replacement is of use.
 */
export interface Executor {
  readonly name: ExecutorName;
  /**
   * Makes sure that the engine is there and understands the words behind `--`, before anything is planned.
   * @throws UnavailableError that names what to install or to start; UsageError for a word that is not understood
   */
  require(engineArguments: readonly string[]): Promise<void>;
  /**
   * Starts workers for the phases of the order. Where workers of an earlier call for the same folder still run, as after
   * a lost connection, they are taken over and not doubled.
   * @throws UnavailableError or FailedRunError with the engine's words
   */
  start(order: WorkOrder, signal: AbortSignal): Promise<Crew>;
}
