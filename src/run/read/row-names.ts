import { InputError, UsageError } from "../../errors.js";
import type { ResultRows } from "./result-rows.js";

/** Rows that a message lists. */
const LISTED = 10;

/**
 * The number of the row that a name stands for.
 * @param byId whether every name is an id; else numbers name rows, and anything else is an id
 * @throws UsageError where the name is no number and no id field is known, or several rows have the id; InputError where
 * no row has the number or the id
 */
export async function numberOfRow(rows: ResultRows, name: string, byId: boolean): Promise<number> {
  const { folder, idField, manifest } = rows;
  const { read } = manifest.counts;
  const range = read === 1 ? "the run read row 0 alone" : `the run read ${read} rows, numbered from 0 to ${read - 1}`;
  if (!byId && /^\d+$/.test(name)) {
    if (Number(name) < read) return Number(name);
    const cure = idField === undefined ? "" : `; for the row with this ${idField} add --id-field ${idField}`;
    throw new InputError(`${folder} has no row ${name}: ${range}${cure}`);
  }
  if (idField === undefined) {
    throw new UsageError(`${name} is no number of a row: ${range}; for ids name their field by --id-field`);
  }
  const found = await rows.withId(name);
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw new InputError(
      `no kept or removed row of ${folder} has the ${idField} ${JSON.stringify(name)}; a rejected row is found by its number alone`,
    );
  }
  const listed = found.slice(0, LISTED).join(", ");
  const more = found.length > LISTED ? ` and ${found.length - LISTED} more` : "";
  throw new UsageError(
    `${found.length} rows have the ${idField} ${JSON.stringify(name)}: ${listed}${more}; name one by its number, without --id-field`,
  );
}
