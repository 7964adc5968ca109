import { Binary, type Schema } from "apache-arrow";
import { addFields } from "../added-columns.js";
import { isTextType } from "../columns/strings.js";
import type { Source } from "../source.js";
import { mergeInferredFields } from "./infer.js";
import { inferredSchema } from "./infer-schema.js";
import { type OnConflict, unifySchemas } from "./unify.js";

/** What a scanned source tells of its columns. */
export type ScannedColumns = Pick<Source, "inferred" | "schema" | "added">;

/** Options of `sourcesSchema`. */
export interface SourcesSchemaOptions {
  /** Name of the added column that holds the path, which the files must not have. */
  readonly sourceField?: string;
  /** Columns whose strings and bytes meet in binary, so that both stay text. */
  readonly textFields?: readonly string[];
}

/**
 * The schema that covers all sources with the columns added to them. Every source must have been scanned.
 * @throws InputError where a source has two columns of the same name; UsageError as `addFields` does
 */
export async function sourcesSchema(
  sources: readonly ScannedColumns[],
  options: SourcesSchemaOptions = {},
): Promise<Schema> {
  return addFields(await unitedSchema(sources, options), sources[0]?.added ?? [], options.sourceField);
}

/**
 * The schema that covers the columns of the files themselves. Files of records are merged by the summaries of their values
 * and not by their Arrow types: an int64 column no longer tells whether its integers are exact in float64.
 * @throws InputError as `sourcesSchema`
 */
export async function unitedSchema(
  sources: readonly ScannedColumns[],
  { textFields = [] }: SourcesSchemaOptions = {},
): Promise<Schema> {
  const inferred = sources.flatMap((source) => source.inferred ?? []);
  let merged = inferred.length > 0 ? inferredSchema(inferred.reduce(mergeInferredFields)) : undefined;
  const schemas: Schema[] = [];
  for (const source of sources) {
    if (source.inferred === undefined) schemas.push(await source.schema());
    else if (merged !== undefined) {
      schemas.push(merged);
      merged = undefined;
    }
  }
  return unifySchemas(schemas, bytesOfText(textFields));
}

/**
 * Strings of one file and bytes of another have no common type but JSON text, where the base64 of bytes could not be
 * told from a string. Where they are the text of the rows, they become bytes.
 */
function bytesOfText(textFields: readonly string[]): OnConflict {
  const wanted = textFields.map(namesOf);
  return (column, left, right) =>
    isTextType(left) && isTextType(right) && wanted.includes(namesOf(column)) ? new Binary() : undefined;
}

/** The names of a path or of a column, without positions and brackets. */
function namesOf(path: string): string {
  const parts = path.split(/[.[\]'"]+/);
  return parts.filter((part) => part !== "" && !/^-?\d+$/.test(part)).join(".");
}
