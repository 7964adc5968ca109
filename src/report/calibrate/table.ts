import { type DamageKind, MUST_MERGE, TRAPS } from "./damage.js";
import type { LengthClass } from "./length-sample.js";

/** A planted damage and how near the damaged text is to its original. */
export interface PlantedDamage {
  readonly kind: DamageKind;
  readonly length: LengthClass["name"];
  /** Float64 cosine of the two texts; 1 where the exact stage takes them for equal. */
  readonly cosine: number;
  /** True where the exact stage takes the texts for equal, so that no threshold matters. */
  readonly equal: boolean;
}

/** Shares of planted damages that a threshold merges with their originals. A kind without any text is absent. */
export interface MergedShares {
  /** Mean over the kinds that must be found; null where there are none. */
  readonly found: number | null;
  readonly found_by: Readonly<Partial<Record<DamageKind, number>>>;
  readonly found_by_length: Readonly<Partial<Record<LengthClass["name"], number>>>;
  /** Mean over the kinds that must stay apart; null where there are none. */
  readonly traps: number | null;
  readonly traps_by: Readonly<Partial<Record<DamageKind, number>>>;
}

/** What a threshold would do. */
export interface ThresholdRow extends MergedShares {
  readonly threshold: number;
  /** Rows removed, copies included, and their share of the rows that are not rejected. */
  readonly removed_rows: number;
  readonly removed_share: number;
  /** Estimated number of rows that are removed though they are no near-duplicates; null where nothing was planted. */
  readonly false_merges: number | null;
}

/** Kinds of damage of which a guard tells the texts apart. */
export const GUARD_OF = { number: "numbers", date: "numbers", negation: "negation", name: "names" } as const;

/** A guard that the suggestion advises, with the traps that made it so. */
export interface AdvisedGuard {
  readonly guard: (typeof GUARD_OF)[keyof typeof GUARD_OF];
  /** The kinds of trap, and the share of each that the suggested threshold merges. */
  readonly merged: Readonly<Partial<Record<DamageKind, number>>>;
}

/** The shares at a threshold. */
export function mergedShares(planted: readonly PlantedDamage[], threshold: number): MergedShares {
  const foundBy = byKind(planted, MUST_MERGE, threshold);
  const trapsBy = byKind(planted, TRAPS, threshold);
  const lengths: Partial<Record<LengthClass["name"], number>> = {};
  for (const length of ["short", "medium", "long"] as const) {
    const share = mean(
      Object.values(
        byKind(
          planted.filter((damage) => damage.length === length),
          MUST_MERGE,
          threshold,
        ),
      ),
    );
    if (share !== null) lengths[length] = share;
  }
  return {
    found: mean(Object.values(foundBy)),
    found_by: foundBy,
    found_by_length: lengths,
    traps: mean(Object.values(trapsBy)),
    traps_by: trapsBy,
  };
}

function byKind(planted: readonly PlantedDamage[], kinds: readonly DamageKind[], threshold: number) {
  const shares: Partial<Record<DamageKind, number>> = {};
  for (const kind of kinds) {
    const share = mean(
      planted.filter((damage) => damage.kind === kind).map(({ cosine }) => Number(cosine >= threshold)),
    );
    if (share !== null) shares[kind] = share;
  }
  return shares;
}

function mean(numbers: readonly number[]): number | null {
  return numbers.length === 0 ? null : numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}

/** Share of a kind of trap, merged at the suggested threshold, from which its guard is advised. */
const ADVISED_FROM = 0.1;

/** The guards for the traps that a threshold merges. */
export function advisedGuards({ traps_by }: MergedShares): AdvisedGuard[] {
  const guards = new Map<AdvisedGuard["guard"], Partial<Record<DamageKind, number>>>();
  for (const [kind, guard] of Object.entries(GUARD_OF)) {
    const share = traps_by[kind as DamageKind];
    if (share === undefined || share < ADVISED_FROM) continue;
    guards.set(guard, { ...guards.get(guard), [kind]: share });
  }
  return Array.from(guards, ([guard, merged]) => ({ guard, merged }));
}

/** Rows of a table for a person. */
const SHOWN = 9;

/** Picks indices of a grid for display: even steps around the suggested one, which is among them. */
export function shownIndices(count: number, best: number): number[] {
  const step = Math.max(1, Math.ceil(count / SHOWN));
  const first = best % step;
  return Array.from({ length: Math.ceil((count - first) / step) }, (_, i) => first + i * step);
}
