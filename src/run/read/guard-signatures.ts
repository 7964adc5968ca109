import { type Guards, isGuarded } from "../../text/guard-choice.js";
import { hash64 } from "./hash.js";

/** Guard signatures of the groups: 64 bits that two texts must share to be merged. */
export interface GuardSignatures {
  /** False if no guard was asked for; then nothing is held. */
  readonly active: boolean;
  /** Adds the text of a group. Adding a group again replaces its signature. */
  add(text: string, group: number): void;
  /** Returns the signatures by vector position, or undefined if no guard is active. The array is the caller's. */
  of(groupOfVector: Int32Array): BigUint64Array | undefined;
}

/**
 * Collects the signatures of the groups, 8 bytes each. Texts with different signatures are never merged. The guards, whose
 * dictionaries have 800 KB, are loaded only where one is asked for.
 */
export async function guardSignatures(guards: Guards): Promise<GuardSignatures> {
  if (!isGuarded(guards)) return { active: false, add: () => {}, of: () => undefined };
  const { guardSignature } = await import("../../text/guards.js");
  let signatures = new BigUint64Array(1024);
  return {
    active: true,
    add(text, group) {
      if (group >= signatures.length) {
        const grown = new BigUint64Array(2 * group);
        grown.set(signatures);
        signatures = grown;
      }
      signatures[group] = hash64(guardSignature(text, guards));
    },
    of: (groupOfVector) => BigUint64Array.from(groupOfVector, (group) => signatures[group]),
  };
}
