import { type Guards, guardSignature, isGuarded } from "../../text/guards.js";
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

/** Collects the signatures of the groups, 8 bytes each. Texts with different signatures are never merged. */
export function guardSignatures(guards: Guards): GuardSignatures {
  const active = isGuarded(guards);
  let signatures = new BigUint64Array(active ? 1024 : 0);
  return {
    active,
    add(text, group) {
      if (!active) return;
      if (group >= signatures.length) {
        const grown = new BigUint64Array(2 * group);
        grown.set(signatures);
        signatures = grown;
      }
      signatures[group] = hash64(guardSignature(text, guards));
    },
    of: (groupOfVector) => (active ? BigUint64Array.from(groupOfVector, (group) => signatures[group]) : undefined),
  };
}
