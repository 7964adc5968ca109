/**
 * Errors that decide the exit code. Anything else that reaches `main` is a failed run, exit 1.
 * A message says what failed, the value received, what was expected and the cure.
 */

/** The command line cannot be carried out as written: exit 2. */
export class UsageError extends Error {
  readonly exitCode = 2;
}

/** The input is missing, unreadable or has no such field: exit 3. */
export class InputError extends Error {
  readonly exitCode = 3;
}

/** A brake (`--max-removed`, `--max-rejects`) was hit and nothing was published: exit 4. */
export class BrakeError extends Error {
  readonly exitCode = 4;
}

/** The model, the device or the endpoint cannot be had: exit 5. */
export class UnavailableError extends Error {
  readonly exitCode = 5;
}
