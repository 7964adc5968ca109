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

/** Why the guards keep two texts apart, in a line for a report; null where they do not. */
export function guardDifference(a: string, b: string, guards: Guards): string | null {
  const normalA = normalise(a);
  const normalB = normalise(b);
  const differences: string[] = [];
  if (guards.numbers) {
    const onlyA = numerals(normalA).sort();
    const onlyB = numerals(normalB).sort();
    for (let at = onlyA.length - 1; at >= 0; at--) {
      const there = onlyB.indexOf(onlyA[at]);
      if (there < 0) continue;
      onlyB.splice(there, 1);
      onlyA.splice(at, 1);
    }
    if (onlyA.length > 0 || onlyB.length > 0) {
      differences.push(`numbers differ: ${onlyA.join(", ") || "none"} against ${onlyB.join(", ") || "none"}`);
    }
  }
  if (guards.negation) {
    const countA = negations(normalA);
    const countB = negations(normalB);
    if (countA !== countB) differences.push(`negations differ: ${countA} against ${countB}`);
  }
  return differences.length === 0 ? null : differences.join("; ");
}
