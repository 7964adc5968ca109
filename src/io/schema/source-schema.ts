import type { Schema } from "apache-arrow";
import type { JsonlSource } from "../jsonl/jsonl.js";
import type { Source } from "../source.js";
import { mergeInferredFields } from "./infer.js";
import { inferredSchema } from "./infer-schema.js";
import { unifySchemas } from "./unify.js";

function isScannedJsonl(source: Source): source is JsonlSource & { inferred: object } {
  return "inferred" in source && source.inferred !== undefined;
}

/**
 * The schema that covers all sources, after they have been scanned. JSONL files are merged by what was seen in them rather
 * than by their Arrow types, which no longer tell that a column of whole numbers would fit float64.
 */
export async function sourcesSchema(sources: readonly Source[]): Promise<Schema> {
  const inferred = sources.filter(isScannedJsonl).map((source) => source.inferred);
  let merged = inferred.length > 0 ? inferredSchema(inferred.reduce(mergeInferredFields)) : undefined;
  const schemas: Schema[] = [];
  for (const source of sources) {
    if (!isScannedJsonl(source)) schemas.push(await source.schema());
    else if (merged !== undefined) {
      schemas.push(merged);
      merged = undefined;
    }
  }
  return unifySchemas(schemas);
}
