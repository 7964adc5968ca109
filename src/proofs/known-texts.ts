/** A row of a reference as the proof of equal texts reads it. */
export interface ReferenceTextRow {
  /** 64-bit hash of its text's normal form. */
  readonly form: bigint;
  /** Number of the folder that holds the kept row on whose account rows with this text go, and that row. */
  readonly folder: number;
  readonly keptRow: number;
  /** `_similarity` where the reference removed the row as a near-duplicate; 0 where its text equals the kept row's. */
  readonly similarity: number;
}

/** What a run says of a row whose text the references have. */
export interface ClaimedFate {
  readonly row: number;
  readonly form: bigint;
  /** Whether the row is kept. */
  readonly kept: boolean;
  /** Number of the folder of its kept row; -1 for the run itself. */
  readonly folder: number;
  readonly keptRow: number;
  readonly reason: string;
  readonly similarity: number;
  readonly vector: number;
}

/**
 * Proves that every row whose text equals one of the references' after normalisation is removed with the fate that the
 * first such row has, and that rows without a vector are removed as near-duplicates only so.
 *
 * Holds the forms of the run's own rows, and what the references say of those; their other texts stream past.
 */
export class KnownTextsProof {
  /** Forms of the run's rows; the first row of a reference that has the form, once one is met. */
  readonly #met = new Map<bigint, ReferenceTextRow | undefined>();

  /** @param forms forms of all rows of the run, kept and removed */
  constructor(...forms: readonly BigUint64Array[]) {
    for (const list of forms) for (const form of list) this.#met.set(form, undefined);
  }

  /** Takes the next row of the references, in their order; of each its kept rows first. */
  meet(row: ReferenceTextRow): void {
    if (this.#met.has(row.form) && this.#met.get(row.form) === undefined) this.#met.set(row.form, row);
  }

  /**
   * Compares a row of the run with what the references say.
   * @param name names a folder
   * @returns the violation in words, or undefined
   */
  check(claim: ClaimedFate, name: (folder: number) => string): string | undefined {
    const { row, kept, folder, keptRow, reason, similarity, vector } = claim;
    const met = this.#met.get(claim.form);
    if (met === undefined) {
      if (kept || folder < 0 || (reason === "semantic" && vector >= 0)) return undefined;
      return `row ${row} was removed as ${reason} for row ${keptRow} of ${name(folder)}, but equals no row of a reference`;
    }
    const expected = `row ${met.keptRow} of ${name(met.folder)}`;
    if (kept) return `row ${row} is kept, but its text is known and goes on account of ${expected}`;
    const where = folder < 0 ? "" : ` of ${name(folder)}`;
    if (folder !== met.folder || keptRow !== met.keptRow) {
      return `row ${row} was removed for row ${keptRow}${where}, but its text is known and goes on account of ${expected}`;
    }
    const asNear = met.similarity > 0;
    if (asNear !== (reason === "semantic") || (asNear && similarity !== met.similarity)) {
      const fate = asNear ? `semantic with _similarity ${met.similarity}` : "exact or normalized";
      return `row ${row} was removed as ${reason} with _similarity ${similarity} for ${expected}, but the reference says ${fate}`;
    }
    return undefined;
  }
}
