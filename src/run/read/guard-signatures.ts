import { type Guards, guardSignature } from "../../text/guards.js";
import { hash128 } from "./hash.js";

/** What guards want to agree, as 64 bits for each distinct text. */
export interface GuardSignatures {
  /** False where no guard was asked for; then nothing is held. */
  readonly active: boolean;
  /** Takes the text of a group; the same group again replaces what was known of it. */
  add(text: string, group: number): void;
  /** Signatures by vector position; undefined where no guard is active. */
  of(groupOfVector: Int32Array): BigUint64Array | undefined;
}

/** Collects the signatures of the groups, 8 bytes each: texts whose signatures differ are never merged. */
export function guardSignatures(guards: Guards): GuardSignatures {
  const active = guards.numbers || guards.negation;
  let signatures = new BigUint64Array(active ? 1024 : 0);
  const words = new Uint32Array(4);
  return {
    active,
    add(text, group) {
      if (!active) return;
      if (group >= signatures.length) {
        const grown = new BigUint64Array(2 * group);
        grown.set(signatures);
        signatures = grown;
      }
      hash128(guardSignature(text, guards), words);
      signatures[group] = (BigInt(words[0]) << 32n) | BigInt(words[1]);
    },
    of: (groupOfVector) => (active ? BigUint64Array.from(groupOfVector, (group) => signatures[group]) : undefined),
  };
}
