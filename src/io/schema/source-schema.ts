import { Binary, type Schema } from "apache-arrow";
import { addFields } from "../added-columns.js";
import { isTextType } from "../columns/strings.js";
import type { Source } from "../source.js";
import { mergeInferredFields } from "./infer.js";
import { inferredSchema } from "./infer-schema.js";
import { type OnConflict, unifySchemas } from "./unify.js";

/**
 * The schema that covers all sources. Every source must have been scanned. Files of records are merged by the summaries
 * of their values and not by their Arrow types: an int64 column no longer tells whether its integers are exact in
 * float64.
 * @param options.sourceField name of the added column that holds the path, which the files must not have
 * @param options.textFields columns whose strings and bytes meet in binary, so that both stay text
 * @throws InputError where a source has two columns of the same name; UsageError as `addFields` does
 */
export async function sourcesSchema(
  sources: readonly Source[],
  { sourceField, textFields = [] }: { readonly sourceField?: string; readonly textFields?: readonly string[] } = {},
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
  return addFields(unifySchemas(schemas, bytesOfText(textFields)), sources[0]?.added ?? [], sourceField);
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
