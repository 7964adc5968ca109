import { InputError } from "../errors.js";

/**
 * The reason of an error in words for people. The readers throw plain `Error`s with a reason. Every other class comes
 * from the language or a library that met data which it did not expect ("Cannot read properties of undefined", "Invalid
 * array length"), and its message says nothing about the file.
 */
export function reasonOf(error: unknown): string {
  const isReason = error instanceof Error && (error.constructor === Error || "code" in error || "exitCode" in error);
  return isReason ? error.message : "its data are corrupt, or not as their description says";
}

/**
 * An error of reading a file as the InputError that names the file.
 * @param format of the file, for the message
 */
export function unreadable(error: unknown, name: string, format: "Parquet" | "Arrow"): InputError {
  if (error instanceof InputError) return error;
  // Errors of the file system have a code.
  const what = (error as NodeJS.ErrnoException).code === undefined ? `cannot be read as ${format}` : "cannot be read";
  return new InputError(`${name}: ${what}: ${reasonOf(error)}`, { cause: error });
}
