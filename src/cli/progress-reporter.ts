import type { Reporter } from "../reporter.js";

/** A reporter that must be closed before other output is printed. */
export interface ProgressReporter extends Reporter {
  /** Says in the log what a person should know of the result; bars have the summary below them instead. */
  warn(message: string): void;
  close(): void;
}
