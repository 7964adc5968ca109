import { type Guards, guardSignature } from "../../text/guards.js";

/** What one guard tells two texts apart by. */
export interface GuardDifference {
  readonly guard: keyof Guards;
  /** What the guard finds more often in the first text than in the second; a negation is "not". */
  readonly onlyFirst: readonly string[];
  /** The same of the second text. */
  readonly onlySecond: readonly string[];
}

const OFF: Guards = { numbers: false, negation: false, names: false };

/** The guards that tell two texts apart, whether the run used them or not, each with what differs. */
export function guardDifferences(first: string, second: string): GuardDifference[] {
  return (Object.keys(OFF) as (keyof Guards)[]).flatMap((guard) => {
    const only = { ...OFF, [guard]: true };
    const [left, right] = [first, second].map((text) => found(guardSignature(text, only)));
    const [onlyFirst, onlySecond] = [surplus(left, right), surplus(right, left)];
    return onlyFirst.length + onlySecond.length > 0 ? [{ guard, onlyFirst, onlySecond }] : [];
  });
}

/** What a signature lists: its words, and "not" for each negation that it counts. */
function found(signature: string): string[] {
  const words = signature.split(" ").filter((word) => word !== "");
  return words.flatMap((word) => {
    const times = /^not×(\d+)$/.exec(word)?.[1];
    return times === undefined ? [word] : Array<string>(Number(times)).fill("not");
  });
}

/** The elements of one list that another has not, or has less often. */
function surplus(list: readonly string[], other: readonly string[]): string[] {
  const left = [...list];
  for (const element of other) {
    const at = left.indexOf(element);
    if (at >= 0) left.splice(at, 1);
  }
  return left;
}
