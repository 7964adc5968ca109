/** Tables of bge-dedup, in every format that they can be written in. */
export const TABLE_FILES = ["arrow", "parquet", "jsonl"].flatMap((format) => [`kept.${format}`, `removed.${format}`]);

/** Name of the vector store in the work area and in the output folder. */
export const EMBEDDINGS = "embeddings.arrow";

/** Files of bge-cluster. */
export const CLUSTER_FILES = ["clusters.arrow", "centroids.arrow"];

/** Every file that a run writes to its output folder, or takes away there, and that could be taken for an input. */
export const OUTPUT_FILES: ReadonlySet<string> = new Set([
  ...TABLE_FILES,
  ...CLUSTER_FILES,
  EMBEDDINGS,
  "guarded.arrow",
  "rejects.jsonl",
]);

/** Whether a value that a file holds names a file in a folder, and nothing that leads out of it. */
export function isFileName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value !== "." && value !== ".." && !/[/\\\0]/.test(value);
}
