import { negations } from "./negation.js";
import { normalise } from "./normalise.js";
import { numerals } from "./numerals.js";

/** In what two texts must agree before they are merged (`--guard`). */
export interface Guards {
  /** Numbers, dates, times, percentages and versions, however they are written. */
  readonly numbers: boolean;
  /** The number of negations. */
  readonly negation: boolean;
}

/**
 * Canonical form of everything that the guards compare: two texts are kept apart if and only if their signatures
 * differ.
 *
 * Numerals form a sorted multiset, so texts with swapped clauses agree; negations form a count, so "不能" and "无法" agree.
 * A signature depends on the normal form alone, so all texts of a group have the same one. It is empty where no guard
 * is on or nothing was found. Where many texts are compared, keep a hash of it. Example: "1000 5% not×1".
 */
export function guardSignature(text: string, guards: Guards): string {
  if (!guards.numbers && !guards.negation) return "";
  const normal = normalise(text);
  const numbers = guards.numbers ? numerals(normal).sort().join(" ") : "";
  const count = guards.negation ? negations(normal) : 0;
  return count === 0 ? numbers : `${numbers} not×${count}`;
}
