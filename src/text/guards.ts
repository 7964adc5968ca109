import { negations } from "./negation.js";
import { normalise } from "./normalise.js";
import { numerals } from "./numerals.js";

/** What two texts must agree in before they are merged (`--guard`). */
export interface Guards {
  /** Numbers, dates, times, percentages and versions, whichever way they are written. */
  readonly numbers: boolean;
  /** Number of negations. */
  readonly negation: boolean;
}

/**
 * Canonical form of all that the guards look at: two texts are kept apart if and only if their signatures differ. The
 * numerals are a sorted multiset, so swapped clauses agree; negations are a count, so "不能" and "无法" agree. Depends on
 * the normal form alone, so that all texts of a group have one signature. Empty where no guard is on or nothing is found.
 * Where several thousand texts are compared, a hash of it is enough to keep.
 */
export function guardSignature(text: string, guards: Guards): string {
  if (!guards.numbers && !guards.negation) return "";
  const normal = normalise(text);
  const numbers = guards.numbers ? numerals(normal).sort().join(" ") : "";
  const count = guards.negation ? negations(normal) : 0;
  return count === 0 ? numbers : `${numbers} not×${count}`;
}
