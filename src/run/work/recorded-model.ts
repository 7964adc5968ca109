/** The parts of a model's record, as `modelRecord` makes it, by which vectors are compared. A manifest may lack any. */
export interface RecordedModel {
  readonly name?: unknown;
  readonly fingerprint?: unknown;
  readonly dim?: unknown;
  readonly dtype?: unknown;
  readonly max_tokens?: unknown;
}

/** Most characters of a fingerprint in a message. */
const FINGERPRINT = 40;

/** Whether two records are of the same model in the same dtype, so that their vectors may be compared. */
export function isSameModel(a: RecordedModel, b: RecordedModel): boolean {
  return a.fingerprint === b.fingerprint && a.dtype === b.dtype;
}

/** A model with what tells it from others, for a message: `builtin (384 dimensions, fp32, fingerprint 3)`. */
export function modelInWords({ name, fingerprint, dim, dtype }: RecordedModel): string {
  const parts = [
    typeof dim === "number" ? `${dim} dimensions` : "",
    typeof dtype === "string" ? dtype : "",
    typeof fingerprint === "string" ? `fingerprint ${fingerprint.slice(0, FINGERPRINT)}` : "",
  ];
  return `${String(name ?? "an unknown model")} (${parts.filter((part) => part !== "").join(", ")})`;
}
