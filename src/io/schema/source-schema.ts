import type { Schema } from "apache-arrow";
import type { JsonlSource } from "../jsonl/jsonl.js";
import type { Source } from "../source.js";
import { mergeInferredFields } from "./infer.js";
import { inferredSchema } from "./infer-schema.js";
import { unifySchemas } from "./unify.js";

/** True for a JSONL source after its scan; only then is the summary of its values complete. */
function isScannedJsonl(source: Source): source is JsonlSource & { inferred: object } {
  return "inferred" in source && source.inferred !== undefined;
}

/**
 * The schema that covers all sources. Every source must have been scanned. JSONL files are merged by the summaries of
 * their values and not by their Arrow types: an int64 column no longer tells whether its integers are exact in float64.
 * @throws Error where a source has two columns of the same name
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
