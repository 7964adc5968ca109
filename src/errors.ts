/**
 * Errors that set the exit code; any other error that reaches `main` is a failed run, exit 1. A message says what
 * failed, the value received, what was expected and the cure.
 */

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
}

/** The model, the device or the endpoint is not available: exit 5. */
export class UnavailableError extends Error {
  readonly exitCode = 5;
}
