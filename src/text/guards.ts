import { type Guards, isGuarded } from "./guard-choice.js";
import { names } from "./names/names.js";
import { negations } from "./negation.js";
import { normalise } from "./normalise.js";
import { numerals } from "./numerals.js";

/** What one guard tells two texts apart by. */
export interface GuardDifference {
  readonly guard: keyof Guards;
  /** What the guard finds more often in the first text than in the second, in canonical form, sorted. */
  readonly onlyFirst: readonly string[];
  /** The same of the second text. */
  readonly onlySecond: readonly string[];
}

/**
 * Canonical form of everything that the guards compare: two texts are kept apart if and only if their signatures
 * differ.
 *
 * Numerals form a sorted multiset, so texts with swapped clauses agree; negations form a count, so "不能" and "无法" agree;
 * names form a sorted set. A signature depends on the normal form alone, so all texts of a group have the same one. It is
 * empty where no guard is on or nothing was found. Where many texts are compared, keep a hash of it.
 * Example: "1000 5% not×1 name:boston".
 */
export function guardSignature(text: string, guards: Guards): string {
  if (!isGuarded(guards)) return "";
  const normal = normalise(text);
  const numbers = guards.numbers ? numerals(normal).sort().join(" ") : "";
  const count = guards.negation ? negations(normal) : 0;
  const signature = count === 0 ? numbers : `${numbers} not×${count}`;
  if (!guards.names) return signature;
  const found = names(normal);
  return found.length === 0 ? signature : `${signature} name:${found.join(" name:")}`;
}

/**
 * Says in what the signatures of two texts differ: one entry for each guard that keeps them apart, in the order numbers,
 * negation, names; none where the guards let them merge. Negations are "not", as often as one text has more of them.
 * Example: `[{ guard: "names", onlyFirst: ["boston"], onlySecond: ["madrid"] }]`.
 */
export function guardDifference(first: string, second: string, guards: Guards): GuardDifference[] {
  const [a, b] = [normalise(first), normalise(second)];
  const found: GuardDifference[] = [];
  const compare = (guard: keyof Guards, inFirst: readonly string[], inSecond: readonly string[]) => {
    const onlyFirst = surplus(inFirst, inSecond);
    const onlySecond = surplus(inSecond, inFirst);
    if (onlyFirst.length + onlySecond.length > 0) found.push({ guard, onlyFirst, onlySecond });
  };
  if (guards.numbers) compare("numbers", numerals(a), numerals(b));
  if (guards.negation) compare("negation", Array(negations(a)).fill("not"), Array(negations(b)).fill("not"));
  if (guards.names) compare("names", names(a), names(b));
  return found;
}

/** Elements of one multiset that another lacks, sorted. */
function surplus(of: readonly string[], without: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const element of without) left.set(element, (left.get(element) ?? 0) + 1);
  const over: string[] = [];
  for (const element of of) {
    const count = left.get(element) ?? 0;
    if (count === 0) over.push(element);
    else left.set(element, count - 1);
  }
  return over.sort();
}
