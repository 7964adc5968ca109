import type { StageName } from "../facts.js";
import type { RunFolder } from "../run-folder.js";
import { type FinishedTask, type FinishedTasks, PHASES, type Phase, type Stage } from "../stage.js";

/** A task by its stage and its index there. */
export interface TaskName {
  readonly stage: StageName;
  readonly index: number;
}

/** Name of a task in the names of its files. */
export const keyOf = ({ stage, index }: TaskName) => `${stage}-${index}`;

/** What is known of a stage. */
export interface StageProgress {
  readonly stage: Stage;
  /** Number of tasks; undefined as long as it depends on tasks that are not done. */
  readonly count?: number;
  /** Tasks that are done. */
  readonly done: ReadonlySet<number>;
  readonly complete: boolean;
}

interface Known extends StageProgress {
  count?: number;
  done: Set<number>;
  complete: boolean;
}

/**
 * Which tasks of a run are done and which may start, as far as the run folder shows it. `look` lists one folder for each
 * stage that is not complete, and no marker is read twice, so ten thousand tasks cost milliseconds.
 */
export class Schedule {
  readonly #folder: RunFolder;
  readonly #known: readonly Known[];
  readonly #byName: ReadonlyMap<StageName, Known>;
  readonly #tasks: FinishedTasks;
  readonly #found = new Map<string, FinishedTask>();
  readonly #needs = new Map<string, readonly (readonly [StageName, number])[]>();

  /** @param stages in their order; a stage stands after those that it depends on */
  constructor(folder: RunFolder, stages: readonly Stage[]) {
    this.#folder = folder;
    this.#known = stages.map((stage) => ({ stage, done: new Set<number>(), complete: false }));
    this.#byName = new Map(this.#known.map((known) => [known.stage.name, known]));
    this.#tasks = this.#remembering();
  }

  /** The stages as they were at the last `look`, in their order. */
  get stages(): readonly StageProgress[] {
    return this.#known;
  }

  /**
   * Looks at the run folder again.
   * @returns whether anything has been done since
   * @throws LostOutputError where a task is marked whose facts are needed and whose output is lost
   */
  async look(): Promise<boolean> {
    let changed = false;
    for (const known of this.#known) {
      if (known.complete) continue;
      const done = new Set(await this.#folder.done(known.stage.name));
      changed ||= done.size !== known.done.size;
      known.done = done;
      if (known.count === undefined && this.#mayStart(known)) {
        known.count = await known.stage.count(this.#folder.plan, this.#tasks);
        changed = true;
      }
      known.complete = isComplete(known);
    }
    return changed;
  }

  /** Whether every task of the run is done. */
  get finished(): boolean {
    return this.#known.every(({ complete }) => complete);
  }

  isDone({ stage, index }: TaskName): boolean {
    return this.#of(stage).done.has(index);
  }

  /**
   * The tasks that may start and are not done, those of earlier stages first.
   * @param wanted which stages count
   * @throws LostOutputError as `look`
   */
  async ready(wanted: (stage: Stage) => boolean): Promise<TaskName[]> {
    const ready: TaskName[] = [];
    for (const known of this.#known) {
      const { stage, count, complete, done } = known;
      if (complete || count === undefined || !wanted(stage) || !this.#mayStart(known)) continue;
      for (let index = 0; index < count; index++) {
        if (!done.has(index) && (await this.#needsAreDone(stage, index))) ready.push({ stage: stage.name, index });
      }
    }
    return ready;
  }

  /** Takes note of a task that this process has done. */
  markDone({ stage, index }: TaskName): void {
    const known = this.#of(stage);
    known.done.add(index);
    known.complete = isComplete(known);
  }

  /** Forgets what is known of the stage of a task whose output is lost. */
  forget(task: TaskName): void {
    const known = this.#of(task.stage);
    known.complete = false;
    known.done.delete(task.index);
    this.#found.delete(keyOf(task));
  }

  #of(name: StageName): Known {
    const known = this.#byName.get(name);
    if (known === undefined) throw new Error(`there is no stage ${name}`);
    return known;
  }

  #mayStart({ stage }: Known): boolean {
    return stage.after.every((name) => this.#of(name).complete);
  }

  async #needsAreDone(stage: Stage, index: number): Promise<boolean> {
    if (stage.needs === undefined) return true;
    const key = keyOf({ stage: stage.name, index });
    const needs = this.#needs.get(key) ?? (await stage.needs(index, this.#folder.plan, this.#tasks));
    this.#needs.set(key, needs);
    return needs.every(([name, task]) => this.#of(name).done.has(task));
  }

  /** The finished tasks, each of which is read once. */
  #remembering(): FinishedTasks {
    const remembered = async <Name extends StageName>(
      stage: Name,
      index: number,
      read: () => Promise<FinishedTask<Name> | undefined>,
    ): Promise<FinishedTask<Name> | undefined> => {
      const key = keyOf({ stage, index });
      const found = (this.#found.get(key) as FinishedTask<Name> | undefined) ?? (await read());
      if (found !== undefined) this.#found.set(key, found as unknown as FinishedTask);
      return found;
    };
    const get = async <Name extends StageName>(stage: Name, index: number) =>
      (await remembered(stage, index, () => this.#folder.get(stage, index))) as FinishedTask<Name>;
    return {
      find: (stage, index) => remembered(stage, index, () => this.#folder.find(stage, index)),
      get,
      all: (stage, count) => Promise.all(Array.from({ length: count }, (_, index) => get(stage, index))),
    };
  }
}

function isComplete({ count, done }: Known): boolean {
  if (count === undefined || done.size < count) return false;
  for (let index = 0; index < count; index++) if (!done.has(index)) return false;
  return true;
}

/** The phases that have something left to do, in order: an engine starts nothing for the others. */
export async function openPhases(folder: RunFolder, stages: readonly Stage[]): Promise<Phase[]> {
  const schedule = new Schedule(folder, stages);
  // Where output is lost, the workers find it again and do it anew.
  const isKnown = await schedule.look().then(
    () => true,
    () => false,
  );
  return PHASES.filter(
    (phase) => !isKnown || schedule.stages.some(({ stage, complete }) => stage.phase === phase && !complete),
  );
}
