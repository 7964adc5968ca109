import { BrakeError, InputError, UsageError } from "../../errors.js";

/**
 * An error because of which the inputs of a shard cannot be used. A read task records it in place of failing: only who
 * knows all shards can tell which error one machine would have ended with.
 */
export interface InputFault {
  /** While which step it came: all files are opened before the first is scanned. */
  readonly step: "open" | "scan" | "columns";
  readonly kind: "usage" | "input" | "brake";
  readonly message: string;
}

/** Records an error. @throws the error itself where it has nothing to do with the inputs, as where a disk is full */
export function faultOf(step: InputFault["step"], error: unknown): InputFault {
  if (error instanceof UsageError) return { step, kind: "usage", message: error.message };
  if (error instanceof InputError) return { step, kind: "input", message: error.message };
  if (error instanceof BrakeError) return { step, kind: "brake", message: error.message };
  throw error;
}

/** The error that was recorded. */
export function errorOf({ kind, message }: InputFault): Error {
  if (kind === "usage") return new UsageError(message);
  return kind === "input" ? new InputError(message) : new BrakeError(message);
}
