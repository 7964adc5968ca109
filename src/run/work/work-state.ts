/**
 * Everything that the vectors depend on. The work of an earlier run is continued only if all entries are equal. The
 * names of the entries appear in the message that says what changed.
 */
export type Fingerprint = Readonly<Record<string, string | number>>;

/** A distinct text that the server refuses to embed. All rows that have the text are rejected. */
export interface RefusedText {
  /** First row that has the text. */
  readonly row: number;
  /** The reason as rejects.jsonl shows it, with the server's own words. */
  readonly error: string;
}

/** State that an interrupted run leaves beside its files. */
export interface WorkState {
  readonly fingerprint: Fingerprint;
  /** Number of vectors that are safe on disk. */
  readonly stored: number;
  /** Whether the store is finished. */
  readonly complete: boolean;
  readonly dim: number;
  /** First row of the last text that has been embedded, which ends a window; -1 before the first window. */
  readonly through: number;
  /** SHA-256 over the texts up to `through`. */
  readonly digest: string;
  /** Number of these texts that were cut to the model's length. */
  readonly truncated: number;
  /** Number of tokens of these texts. */
  readonly tokens: number;
  /** Those of these texts that the server refused, by their first rows, ascending. They have no vector. */
  readonly refused: readonly RefusedText[];
}

/** Whether a value is a list of refused texts. */
function isRefusedList(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every(
      (text: Partial<RefusedText> | null) => Number.isSafeInteger(text?.row) && typeof text?.error === "string",
    )
  );
}

/** Parses a state file. A damaged file gives undefined: then there is nothing to continue from. */
export function parseState(text: string): WorkState | undefined {
  try {
    const state = JSON.parse(text) as WorkState;
    const counts = [state.stored, state.dim, state.truncated, state.tokens];
    const usable =
      typeof state.fingerprint === "object" &&
      state.fingerprint !== null &&
      counts.every((count) => Number.isSafeInteger(count) && count >= 0) &&
      Number.isSafeInteger(state.through) &&
      typeof state.complete === "boolean" &&
      typeof state.digest === "string" &&
      isRefusedList(state.refused);
    return usable ? state : undefined;
  } catch {
    return undefined;
  }
}

/** Describes the first difference between two fingerprints; undefined if they are equal. */
export function fingerprintChange(before: Fingerprint, after: Fingerprint): string | undefined {
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[key] !== after[key]) return `${key} was ${before[key] ?? "absent"} and is ${after[key] ?? "absent"}`;
  }
  return undefined;
}
