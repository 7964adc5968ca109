import { Field, Schema, Uint64 } from "apache-arrow";
import { openArrowWriter } from "../../io/arrow/write.js";
import { batchOf } from "../../io/columns/take.js";
import type { Decisions } from "../../join/decisions.js";
import { uint64Column } from "./output-columns.js";

/** Name of the table of rows that guards kept apart. The table is written only if a guard was asked for. */
export const GUARDED = "guarded.arrow";

/** Number of rows of a batch. */
const BATCH = 65_536;

const schema = new Schema([new Field("_row", new Uint64(), false), new Field("_guarded_from", new Uint64(), false)]);

/**
 * Writes one row for each kept row that only a guard keeps apart from another kept row, and names the earliest such
 * row. The table justifies two kept rows that reach the threshold. One row each keeps the table linear even for a large
 * guarded family.
 * @param rows number of all rows
 * @returns number of rows written
 */
export async function writeGuarded(path: string, rows: number, decisions: Decisions): Promise<number> {
  const writer = await openArrowWriter({ path, schema });
  let count = 0;
  let apart: number[] = [];
  let from: number[] = [];
  const flush = async () => {
    await writer.write(batchOf(schema, [uint64Column(apart), uint64Column(from)], apart.length));
    count += apart.length;
    apart = [];
    from = [];
  };
  for (let row = 0; row < rows; row++) {
    if (decisions.keptRow(row) !== row) continue;
    const other = decisions.guardedFrom(row);
    if (other < 0) continue;
    apart.push(row);
    from.push(other);
    if (apart.length === BATCH) await flush();
  }
  if (apart.length > 0) await flush();
  await writer.finish();
  return count;
}
