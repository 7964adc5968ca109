import { Readable } from "node:stream";
import type { Reporter } from "../reporter.js";
import type { RunContext } from "./options.js";

/** Progress of a stage of a run. */
export interface Progress {
  /** Name of the stage: read, embed, join, write, k-means, verify, … */
  readonly stage: string;
  /** Amount done of `total`; a stage that reads counts bytes. */
  readonly done: number;
  readonly total: number;
  /** Number of rows done. */
  readonly rows: number;
}

/** Hooks by which a caller watches a run and stops it. */
export interface RunHooks {
  /** Stops the run, which then rejects with the signal's reason. The same call later continues from what is saved. */
  readonly signal?: AbortSignal;
  /** Called while a stage proceeds. An error thrown by the hook fails the run. */
  readonly onProgress?: (progress: Progress) => void;
  /** Called with each message that the command would print for the user, such as the chosen model and device. */
  readonly onNote?: (message: string) => void;
}

/** What a run works with. The process's standard input is touched only where it is an input. */
export function contextOf(hooks: RunHooks & { stdin?: NodeJS.ReadableStream }, inputs: readonly string[]): RunContext {
  const stdin = hooks.stdin ?? (inputs.includes("-") ? process.stdin : Readable.from([]));
  return { reporter: reporterOf(hooks), signal: hooks.signal, stdin };
}

/** A reporter that calls the hooks. */
export function reporterOf({ onProgress = () => {}, onNote = () => {} }: RunHooks): Reporter {
  return {
    stage(stage, total) {
      let rowsDone = 0;
      return {
        advance(done, rows = done) {
          rowsDone = rows;
          onProgress({ stage, done, total, rows });
        },
        end: () => onProgress({ stage, done: total, total, rows: rowsDone }),
      };
    },
    note: onNote,
  };
}
