import { readColumns, writeColumns } from "../../io/arrow/number-table.js";
import type { RejectsWriter } from "../../io/rejects.js";
import type { ToldReject } from "../../io/source.js";
import type { Limit } from "../../run/check/limit.js";
import { RejectsBrake } from "../../run/check/rejects-brake.js";
import { readRejects } from "../../run/read/rejected-row.js";
import { REJECTS } from "../../run/write/output-names.js";
import type { FinishedTask } from "../stage.js";

/**
 * A file of a read task, where it rejected a record: `rejects` Uint32, the rejected records of each batch that has some.
 * The brake of one machine counts batch by batch.
 */
const BATCHES = "rejected-batches.arrow";

/** A writer of rejects that stops where the shard alone has more than a run may have. */
export interface BrakedRejects extends RejectsWriter {
  /** Rejects of each batch that has some. */
  readonly batches: readonly number[];
}

/**
 * Wraps a writer of rejects. The caller still finishes it.
 * @throws BrakeError from `write` where the limit is a count and the shard is beyond it
 */
export function braked(rejects: RejectsWriter, limit: Limit | undefined): BrakedRejects {
  const brake = new RejectsBrake(limit);
  const batches: number[] = [];
  return {
    batches,
    get count() {
      return rejects.count;
    },
    async write(source, batch) {
      if (batch.length === 0) return;
      await rejects.write(source, batch);
      batches.push(batch.length);
      brake.add(source, batch);
    },
    finish: () => rejects.finish(),
  };
}

/** Saves how many records each batch rejected. */
export async function writeBatchCounts(path: (name: string) => string, batches: readonly number[]): Promise<void> {
  if (batches.length > 0) await writeColumns(path(BATCHES), { rejects: Uint32Array.from(batches) });
}

/** Reads the rejects of a shard again, in the batches in which they were found: a batch in memory. */
export async function* rejectBatches(
  read: FinishedTask<"read">,
): AsyncGenerator<{ readonly source: string; readonly rejects: readonly ToldReject[] }> {
  if (read.facts.rejected === 0) return;
  const { rejects: counts } = await readColumns<{ rejects: Uint32Array }>(read.path(BATCHES));
  let batch = 0;
  let rejects: ToldReject[] = [];
  for await (const { source, line, error, raw, encoding } of readRejects(read.path(REJECTS))) {
    rejects.push({ line, error, raw, rawBase64: encoding === "base64" });
    if (rejects.length < counts[batch]) continue;
    batch++;
    yield { source, rejects };
    rejects = [];
  }
}
