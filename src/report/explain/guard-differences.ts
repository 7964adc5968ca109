import { type Guards, guardSignature } from "../../text/guards.js";

/** What one guard finds in one of two texts and not in the other. */
export interface GuardDifference {
  readonly guard: keyof Guards;
  /** What only the first text has, such as "13" or "2 negations"; empty where the second alone has something. */
  readonly first: readonly string[];
  readonly second: readonly string[];
}

const OFF: Guards = { numbers: false, negation: false, names: false };

/** The guards that tell two texts apart, whether the run used them or not, each with what differs. */
export function guardDifferences(first: string, second: string): GuardDifference[] {
  return (Object.keys(OFF) as (keyof Guards)[]).flatMap((guard) => {
    const only = { ...OFF, [guard]: true };
    const [left, right] = [guardSignature(first, only), guardSignature(second, only)];
    if (left === right) return [];
    return [{ guard, first: surplus(left, right), second: surplus(right, left) }];
  });
}

/** The words of a signature that another one has not, or has less often. */
function surplus(signature: string, other: string): string[] {
  const left = words(signature);
  for (const word of words(other)) {
    const at = left.indexOf(word);
    if (at >= 0) left.splice(at, 1);
  }
  return left.map((word) => word.replace(/^not×(\d+)$/, (_, times) => `${times} negation${times === "1" ? "" : "s"}`));
}

function words(signature: string): string[] {
  return signature.split(" ").filter((word) => word !== "");
}
