import assert from "node:assert/strict";

/** Words of the language and of libraries that tell a user nothing about an input. */
const INTERNALS =
  /\bundefined\b|\bNaN\b|\[object |Cannot (read|destructure|convert|mix)|is not (a function|iterable|a constructor|defined|safe to)|Invalid (typed )?array|Invalid string length|Unrecognized|outside the bounds|offset is out of|DataView|allocation failed|call stack|reading '/;

/** Checks that a message is in words that a user understands. */
export function assertPlainWords(message: string): void {
  assert.doesNotMatch(message, INTERNALS);
}
