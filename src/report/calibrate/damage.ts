import { below, type Random, seededRandom } from "../../random.js";
import { guardSignature } from "../../text/guards.js";
import { clausesSwapped, deleted, inserted, punctuated, typed } from "./damage-kinds.js";
import { nameSwapped, namesOf } from "./damage-names.js";
import type { Damage, DamagePool } from "./damage-pool.js";
import { dateChanged, negated, numberChanged } from "./damage-traps.js";

/** Damages after which a text still says the same: these must be found. */
export const MUST_MERGE = ["typo", "insertion", "deletion", "punctuation", "clauses"] as const;
/** Damages after which it says something else: these must stay apart. */
export const TRAPS = ["number", "date", "negation", "name"] as const;
/** Every kind of damage. */
export const DAMAGES = [...MUST_MERGE, ...TRAPS] as const;
/** A kind of damage. */
export type DamageKind = (typeof DAMAGES)[number];

/** A damaged text. */
export interface DamagedText {
  readonly kind: DamageKind;
  /** Index of the text in the sample. */
  readonly origin: number;
  readonly text: string;
}

const KINDS: Readonly<Record<DamageKind, Damage>> = {
  typo: sameFacts(typed),
  insertion: sameFacts(inserted),
  deletion: sameFacts(deleted),
  punctuation: sameFacts(punctuated),
  clauses: clausesSwapped,
  number: numberChanged,
  date: dateChanged,
  negation: negated,
  name: nameSwapped,
};

/** Draws of a damage that may turn out to change a number or a negation. */
const TRIES = 10;

/** Repeats a random damage until numbers and negations are those of the text, as they must be where texts are to merge. */
function sameFacts(damage: Damage): Damage {
  const facts = { numbers: true, negation: true, names: false };
  return (text, pool, random) => {
    const before = guardSignature(text, facts);
    for (let i = 0; i < TRIES; i++) {
      const damaged = damage(text, pool, random);
      if (damaged === undefined) return undefined;
      if (damaged !== text && guardSignature(damaged, facts) === before) return damaged;
    }
    return undefined;
  };
}

/**
 * Does every kind of damage to every text that offers a place for it. The same texts and seed give the same damages.
 */
export function damageTexts(texts: readonly string[], random: Random): DamagedText[] {
  const pool: DamagePool = {
    characters: texts.flatMap((text) => text.match(/\p{Script=Han}/gu) ?? []),
    words: texts.flatMap((text) => text.match(/(?!\p{Script=Han})\p{L}{2,}/gu) ?? []),
    names: namesOf(texts),
  };
  const damaged: DamagedText[] = [];
  for (const [origin, text] of texts.entries()) {
    // Each text has a generator of its own, so that one kind does not depend on another.
    const seed = below(random, 2 ** 32);
    for (const [i, kind] of DAMAGES.entries()) {
      const result = KINDS[kind](text, pool, seededRandom(seed + i));
      if (result !== undefined && result !== text && result.trim() !== "") {
        damaged.push({ kind, origin, text: result });
      }
    }
  }
  return damaged;
}
