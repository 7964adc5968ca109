import type { Random } from "../../random.js";

/** What a name names. */
export type NameClass = "latin" | "title" | "place" | "country" | "company" | "person";

/** Names by their class, as found in the sample. */
export type NamePool = ReadonlyMap<NameClass, readonly string[]>;

/** What damages draw from, taken from all texts of the sample. */
export interface DamagePool {
  /** Chinese characters, as often as they occur. */
  readonly characters: readonly string[];
  /** Words of other scripts, as often as they occur. */
  readonly words: readonly string[];
  readonly names: NamePool;
}

/** Makes a damaged text, or returns undefined where a text has no place for the damage. */
export type Damage = (text: string, pool: DamagePool, random: Random) => string | undefined;
