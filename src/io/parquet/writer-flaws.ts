/** What a version of a writer is known to have stored wrongly. */
export interface WriterFlaws {
  /** Whether pages of version 2 are compressed even where they say that they are not. */
  readonly alwaysCompressed: boolean;
  /** Most bytes by which the size of a column chunk may be too small. */
  readonly missingBytes: number;
}

/**
 * The flaws of the writer that a footer names in `created_by`, as "parquet-mr version 1.8.1 (build ...)"; without a
 * version it counts as the oldest. Arrow's own reader knows the same ones (cpp/src/parquet/metadata.cc):
 *
 * - parquet-mr before 1.2.9 left the header of the dictionary page out of the size of a column chunk
 *   (https://issues.apache.org/jira/browse/PARQUET-816),
 * - parquet-cpp before Arrow 3.0, where it became parquet-cpp-arrow, marked compressed pages as not compressed
 *   (https://issues.apache.org/jira/browse/ARROW-10353).
 */
export function writerFlaws(createdBy = ""): WriterFlaws {
  const { name, version = "0" } = /^(?<name>\S+)(?: version (?<version>[\d.]+))?/.exec(createdBy)?.groups ?? {};
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const number = (major * 1000 + minor) * 1000 + patch;
  return {
    alwaysCompressed: name === "parquet-cpp" && number < 2_000_000,
    missingBytes: name === "parquet-mr" && number < 1_002_009 ? DICTIONARY_HEADER : 0,
  };
}

/** More bytes than the header of a dictionary page has. */
const DICTIONARY_HEADER = 100;
