import { FailedRunError } from "../errors.js";
import type { StageName } from "./facts.js";

/**
 * A task is marked as done, but a file of it is not there or has another size, though this machine has waited for it. The
 * task has to be done again.
 */
export class LostOutputError extends FailedRunError {
  readonly stage: StageName;
  readonly index: number;
  /** Folder of the lost files; absent where the marker itself is gone. */
  readonly folder?: string;

  constructor(stage: StageName, index: number, detail: string, folder?: string) {
    super(`task ${index} of ${stage} is marked as done, but ${detail}; workers do the task anew`);
    this.stage = stage;
    this.index = index;
    this.folder = folder;
  }
}

/** Goes on where an output is lost: workers find that by themselves and do the task anew. @throws any other error */
export function ignoreLost(error: unknown): void {
  if (!(error instanceof LostOutputError)) throw error;
}
