/** A folder that holds kept rows on whose account a run removed rows, as the manifest records it. */
export interface ReferenceRecord {
  /**
   * As `_kept_in` names it: as `--against` gave it, or as the reference that names it did. Unique in a manifest.
   */
  readonly path: string;
  /** The same folder seen from the output folder, which holds where all nights move together. */
  readonly from_out: string;
  /** Its place at the time of the run. */
  readonly folder: string;
  /** False where no `--against` named it: a reference removed rows on its account. */
  readonly given: boolean;
  /** Identity of its result, see `identityOf`; absent where the folder was gone when the run needed its name alone. */
  readonly sha256?: string;
  /** Rows of the run that are removed on account of its rows. */
  readonly removed: number;
}

/** Whether a value, read from a file, is a list of references. */
export function isReferenceList(value: unknown): value is ReferenceRecord[] {
  return (
    Array.isArray(value) &&
    value.every((record: Partial<ReferenceRecord> | null) => {
      const { path, from_out, folder, given, sha256 } = record ?? {};
      return (
        [path, from_out, folder].every((name) => typeof name === "string" && name !== "") &&
        typeof given === "boolean" &&
        (sha256 === undefined || typeof sha256 === "string")
      );
    })
  );
}
