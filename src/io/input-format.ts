/** The formats that `--input-format` names. */
export const INPUT_FORMATS = ["jsonl", "json", "csv", "tsv", "parquet", "arrow"] as const;

/** What a file holds: JSON lines, a JSON array, CSV or TSV, Parquet, an Arrow file or stream. */
export type InputFormat = (typeof INPUT_FORMATS)[number];

/** What the user says about the inputs; the content decides where nothing is said. */
export interface FormatWishes {
  readonly format?: InputFormat;
  /** Of CSV: one ASCII character. */
  readonly delimiter?: string;
}
