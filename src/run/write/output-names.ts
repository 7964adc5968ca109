/** Names of bge-dedup's tables in every format. */
export const TABLE_FILES = ["arrow", "parquet", "jsonl"].flatMap((format) => [`kept.${format}`, `removed.${format}`]);

/** Name of the vector store in the work area and in the output folder. */
export const EMBEDDINGS = "embeddings.arrow";

/** Name of the file of rejected records. */
export const REJECTS = "rejects.jsonl";

/** Name of the table of rows with their clusters. */
export const CLUSTERS = "clusters.arrow";
/** Name of the table of clusters. */
export const CENTROIDS = "centroids.arrow";
/** Names of bge-cluster's tables. */
export const CLUSTER_FILES = [CLUSTERS, CENTROIDS];

/** Name of the page that `report` writes into a folder. The next result of the folder takes it away. */
export const REPORT = "report.html";

/** Every file that a run writes or removes in its output folder and that could be mistaken for an input. */
export const OUTPUT_FILES: ReadonlySet<string> = new Set([
  ...TABLE_FILES,
  ...CLUSTER_FILES,
  EMBEDDINGS,
  "guarded.arrow",
  REJECTS,
]);

/** Whether a value, read from a file, is the name of a file in a folder and does not lead out of the folder. */
export function isFileName(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value !== "." && value !== ".." && !/[/\\\0]/.test(value);
}
