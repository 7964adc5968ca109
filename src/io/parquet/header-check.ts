// hyparquet returns whatever stands where the format has a number or a name, and undefined where nothing stands there or
// a name is unknown. So each part of the metadata that this reader uses is checked where it enters.

/**
 * `value` as a whole number of at least 0.
 * @param what the number counts, for the message
 * @param below all numbers must be less than this one; default 2^53
 * @throws Error where it is missing, no number, negative or too large
 */
export function requiredCount(value: unknown, what: string, below: number = Number.MAX_SAFE_INTEGER): number {
  const number = typeof value === "bigint" ? Number(value) : value;
  if (typeof number !== "number" || Number.isNaN(number)) throw new Error(`its metadata lacks the ${what}`);
  if (!(number >= 0 && number < below)) throw new Error(`${value} as the ${what}, expected 0 to less than ${below}`);
  return number;
}

/** `value` as one of the names of the format. @throws Error where there is none */
export function requiredName(value: unknown, what: string): string {
  if (typeof value !== "string") throw new Error(`its metadata lacks the ${what}, or names one that is unknown`);
  return value;
}

interface PageParts {
  readonly num_values?: unknown;
  readonly encoding?: unknown;
  readonly definition_level_encoding?: unknown;
  readonly repetition_level_encoding?: unknown;
  readonly definition_levels_byte_length?: unknown;
  readonly repetition_levels_byte_length?: unknown;
}

/** Checks the numbers and names in the header of a page. @throws Error that says which one is missing or wrong */
export function checkPageHeader(header: {
  readonly type?: unknown;
  readonly compressed_page_size?: unknown;
  readonly uncompressed_page_size?: unknown;
  readonly data_page_header?: PageParts;
  readonly data_page_header_v2?: PageParts;
  readonly dictionary_page_header?: PageParts;
}): void {
  requiredName(header.type, "kind of a page");
  requiredCount(header.compressed_page_size, "size of a page", 2 ** 31);
  requiredCount(header.uncompressed_page_size, "decompressed size of a page", 2 ** 31);
  const { data_page_header: one, data_page_header_v2: two, dictionary_page_header: dictionary } = header;
  for (const page of [one, two, dictionary]) {
    if (page === undefined) continue;
    requiredCount(page.num_values, "number of values of a page", 2 ** 31);
    requiredName(page.encoding, "encoding of a page");
  }
  if (one !== undefined) {
    requiredName(one.definition_level_encoding, "encoding of the definition levels");
    requiredName(one.repetition_level_encoding, "encoding of the repetition levels");
  }
  if (two !== undefined) {
    requiredCount(two.definition_levels_byte_length, "size of the definition levels", 2 ** 31);
    requiredCount(two.repetition_levels_byte_length, "size of the repetition levels", 2 ** 31);
  }
}
