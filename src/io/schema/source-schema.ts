import type { Schema } from "apache-arrow";
import { addFields } from "../added-columns.js";
import type { Source } from "../source.js";
import { mergeInferredFields } from "./infer.js";
import { inferredSchema } from "./infer-schema.js";
import { unifySchemas } from "./unify.js";

/**
 * The schema that covers all sources. Every source must have been scanned. Files of records are merged by the summaries
 * of their values and not by their Arrow types: an int64 column no longer tells whether its integers are exact in
 * float64.
 * @param sourceField name of the added column that holds the path, which the files must not have
 * @throws InputError where a source has two columns of the same name; UsageError as `addFields` does
 */
export async function sourcesSchema(sources: readonly Source[], sourceField?: string): Promise<Schema> {
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
  return addFields(unifySchemas(schemas), sources[0]?.added ?? [], sourceField);
}
