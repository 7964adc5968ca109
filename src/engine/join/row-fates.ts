import type { Columns } from "../../io/arrow/number-table.js";
import type { JoinResult } from "../../join/judge.js";

/**
 * What becomes of some vectors of the join as far as it is known: one row a vector. A removed vector has a similarity
 * above 0. Other vectors are named by their positions.
 */
export interface RowFates extends Columns {
  /** As in `JoinResult`. */
  readonly kept_by: Int32Array;
  readonly similarity: Float64Array;
  readonly guarded_from: Int32Array;
}

/** `RowFates` where the run has references. */
export interface FatesAgainst extends RowFates {
  readonly kept_by_reference: Int32Array;
  readonly guarded_from_reference: Int32Array;
}

/** The vectors of which something is known, in a file between tasks: their rows, and the columns of `RowFates`. */
export interface SparseFates extends RowFates {
  readonly row: Uint32Array;
}

/** Fates of vectors of which nothing is known. */
export function unknownFates(rows: number, references: boolean): RowFates {
  const none = () => new Int32Array(rows).fill(-1);
  return {
    kept_by: none(),
    similarity: new Float64Array(rows),
    guarded_from: none(),
    ...(references ? { kept_by_reference: none(), guarded_from_reference: none() } : {}),
  };
}

/** The rows [first, end), which share the caller's arrays. */
export function partOfFates<Fates extends Columns>(fates: Fates, first: number, end: number): Fates {
  return mapped(fates, (values) => values.subarray(first, end)) as Fates;
}

/** The rows of vectors that are not removed, ascending. */
export function survivingRows({ similarity }: RowFates): Uint32Array {
  const rows = new Uint32Array(similarity.length);
  let count = 0;
  for (let row = 0; row < rows.length; row++) if (similarity[row] === 0) rows[count++] = row;
  return rows.subarray(0, count);
}

/** The rows of which something is known. */
export function sparse(fates: RowFates): SparseFates {
  const row = Uint32Array.from({ length: fates.similarity.length }, (_, i) => i).filter((i) => isKnown(fates, i));
  const taken = mapped(fates, (values) => {
    const some = new (values.constructor as Float64ArrayConstructor)(row.length);
    for (let i = 0; i < row.length; i++) some[i] = values[row[i]] as number;
    return some;
  });
  return { row, ...(taken as RowFates) };
}

/** Sets the rows of `fates` that a file names. */
export function spread({ row, ...known }: SparseFates, fates: RowFates): void {
  for (const [name, values] of Object.entries(fates)) {
    for (let i = 0; i < row.length; i++) values[row[i]] = known[name][i];
  }
}

/**
 * Adds what a join has found out about rows of which none is removed. Nothing replaces a guard: the earliest vector that
 * is near and kept apart counts, and this join's vectors come after those of all joins before.
 * @param rows row of `fates` of each vector of the join
 * @param found.positions position of each vector of the join
 * @param found.references position of each of its reference vectors
 * @param found.against true where these are vectors of `--against`, not kept vectors of the run
 */
export function settle(
  fates: RowFates,
  rows: Uint32Array,
  found: {
    readonly result: JoinResult;
    readonly positions: Uint32Array;
    readonly references: Uint32Array;
    readonly against: boolean;
  },
): void {
  const { result, positions, references, against } = found;
  const { kept_by, guarded_from, similarity } = fates;
  const { kept_by_reference, guarded_from_reference } = fates as FatesAgainst;
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i];
    const [byReference, fromReference] = [result.keptByReference?.[i] ?? -1, result.guardedFromReference?.[i] ?? -1];
    if (result.similarity[i] > 0) {
      similarity[row] = result.similarity[i];
      if (byReference < 0) kept_by[row] = positions[result.keptBy[i]];
      else (against ? kept_by_reference : kept_by)[row] = references[byReference];
      guarded_from[row] = -1;
      if (guarded_from_reference !== undefined) guarded_from_reference[row] = -1;
    } else if (!isGuarded(fates, row)) {
      if (fromReference >= 0) (against ? guarded_from_reference : guarded_from)[row] = references[fromReference];
      else if (result.guardedFrom[i] >= 0) guarded_from[row] = positions[result.guardedFrom[i]];
    }
  }
}

function isKnown(fates: RowFates, row: number): boolean {
  return fates.similarity[row] > 0 || isGuarded(fates, row);
}

function isGuarded({ guarded_from, guarded_from_reference }: RowFates, row: number): boolean {
  return guarded_from[row] >= 0 || (guarded_from_reference !== undefined && guarded_from_reference[row] >= 0);
}

function mapped(fates: Columns, change: (values: Columns[string]) => Columns[string]): Columns {
  return Object.fromEntries(Object.entries(fates).map(([name, values]) => [name, change(values)]));
}
