/**
 * Errors that set the exit code; `cli/exit-code.ts` judges any other error that reaches `main`. A message says what
 * failed, the value received, what was expected and the cure.
 */

/** Errors of the system that pass: a disk is emptied, a server of files comes back, another program ends. */
const PASSING: ReadonlySet<unknown> = new Set(
  (
    "EAGAIN EBUSY EDEADLK EDQUOT EHOSTDOWN EHOSTUNREACH EINTR EIO ENETDOWN ENETUNREACH ENFILE ENOBUFS ENOLCK ENOMEM " +
    "ENOSPC ESTALE ETIMEDOUT ETXTBSY"
  ).split(" "),
);

/** Whether an error of the system that passes is the error or its cause. */
export function mayPass(error: unknown): boolean {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return PASSING.has(code) || (cause !== undefined && mayPass(cause));
}

/**
 * The run failed for a reason that may pass, such as a full disk or an input that was written to meanwhile: exit 1, the
 * only code after which a scheduler repeats the command.
 */
export class FailedRunError extends Error {
  readonly exitCode = 1;
}

/** The command line, or an option of the library, cannot be carried out as given: exit 2. */
export class UsageError extends Error {
  readonly exitCode = 2;
}

/** The input is missing or unreadable, or lacks a field that was named: exit 3. */
export class InputError extends Error {
  readonly exitCode = 3;
}

/** `--max-removed` or `--max-rejects` was exceeded, so nothing was published: exit 4. */
export class BrakeError extends Error {
  readonly exitCode = 4;
  /** Rows that the brake had counted when it stopped the run. */
  readonly counted?: { readonly limit: "max_removed" | "max_rejects"; readonly rows: number };
  constructor(message: string, counted?: BrakeError["counted"]) {
    super(message);
    this.counted = counted;
  }
}

/** The model, the device or the endpoint is not available: exit 5. */
export class UnavailableError extends Error {
  readonly exitCode = 5;
}
