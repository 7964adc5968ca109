import { Field, Schema, Uint64, Utf8 } from "apache-arrow";
import { openArrowWriter } from "../../io/arrow/write.js";
import { stringColumn, uint64Column } from "../../io/columns/plain.js";
import { batchOf } from "../../io/columns/take.js";
import type { Decisions } from "../../join/decisions.js";

/** Name of the table of rows that guards kept apart. The table is written only if a guard was asked for. */
export const GUARDED = "guarded.arrow";

/** Number of rows of a batch. */
const BATCH = 65_536;

const FIELDS = [new Field("_row", new Uint64(), false), new Field("_guarded_from", new Uint64(), false)];
/** Column of the folder, of a reference, in which `_guarded_from` counts; null for this run. */
export const GUARDED_IN = "_guarded_in";

/** Schema of guarded.arrow; `_guarded_in` is there where the run has references. */
export function guardedSchema(references: boolean): Schema {
  return new Schema(references ? [...FIELDS, new Field(GUARDED_IN, new Utf8(), true)] : FIELDS);
}

/**
 * Writes one row for each kept row that only a guard keeps apart from another kept row, and names the earliest such
 * row. The table justifies two kept rows that reach the threshold. One row each keeps the table linear even for a large
 * guarded family.
 * @param rows the rows [first, end) that are looked at
 * @param folders paths of the folders that `guardedIn` numbers, where the run has references
 * @returns number of rows written
 */
export async function writeGuarded(
  path: string,
  [first, end]: readonly [first: number, end: number],
  decisions: Decisions,
  folders?: readonly string[],
): Promise<number> {
  const schema = guardedSchema(folders !== undefined);
  const writer = await openArrowWriter({ path, schema });
  let count = 0;
  let apart: number[] = [];
  const flush = async () => {
    const columns = [uint64Column(apart), uint64Column(apart.map(decisions.guardedFrom))];
    const places =
      folders === undefined ? [] : [stringColumn(apart.map((row) => folders[decisions.guardedIn(row)] ?? null))];
    await writer.write(batchOf(schema, [...columns, ...places], apart.length));
    count += apart.length;
    apart = [];
  };
  for (let row = first; row < end; row++) {
    if (!decisions.isKept(row) || decisions.guardedFrom(row) < 0) continue;
    apart.push(row);
    if (apart.length === BATCH) await flush();
  }
  if (apart.length > 0) await flush();
  await writer.finish();
  return count;
}
