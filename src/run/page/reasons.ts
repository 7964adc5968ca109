import type { RecordBatch } from "apache-arrow";
import { InputError } from "../../errors.js";
import { REASONS } from "../../report/page/data.js";

/** Numbers of the reasons of removed rows, as in `REASONS`. @throws InputError for a reason of another version */
export function reasonsOf(batch: RecordBatch, path: string): Uint8Array {
  const column = batch.getChild("_reason");
  return Uint8Array.from({ length: batch.numRows }, (_, i) => {
    const reason = REASONS.indexOf(column?.get(i));
    if (reason >= 0) return reason;
    throw new InputError(
      `${path} has the reason ${column?.get(i)}; expected one of ${REASONS.join(", ")}: run bge-dedup again`,
    );
  });
}
