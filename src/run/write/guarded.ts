import { Field, Schema, Uint64 } from "apache-arrow";
import { openArrowWriter } from "../../io/arrow/write.js";
import { batchOf } from "../../io/columns/take.js";
import type { Decisions } from "../../join/decisions.js";
import { uint64Column } from "./output-columns.js";

/** Name of the record of what guards kept apart; written only where a guard was asked for. */
export const GUARDED = "guarded.arrow";

/** Rows of one batch. */
const BATCH = 65_536;

const schema = new Schema([new Field("_row", new Uint64(), false), new Field("_guarded_from", new Uint64(), false)]);

/**
 * Writes, for each kept row that a guard alone keeps apart from another kept one, the earliest such row: the record that
 * lets two kept rows be as near as the threshold. One row each, so it stays linear even for a large guarded family.
 * @returns how many there are
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
