import { type Random, seededRandom } from "../faults/random.js";

/** A row of a table that is exported every night. */
export interface WeekRow {
  readonly id: number;
  readonly text: string;
}

/** How a table changes from night to night, in rows. */
export interface WeekSize {
  /** Rows of the first night. */
  readonly rows: number;
  readonly added: number;
  readonly changed: number;
  readonly deleted: number;
  /** Rows deleted on an earlier night that come back. */
  readonly returned: number;
}

/** The dates of the week. */
export const DATES = [23, 24, 25, 26, 27, 28, 29].map((day) => `2026-11-${day}`);

/**
 * Exports of a table on seven nights. From one to the next, rows are added, changed, deleted, and deleted ones return; all
 * others are repeated. The last night repeats the one before. The same texts, size and seed give the same week.
 * @param options.texts what the rows say, taken in a random order; the first night and six times the added rows must not be
 * more than there are
 */
export function makeWeek(options: { texts: readonly string[]; size: WeekSize; seed: number }): WeekRow[][] {
  const { size, seed } = options;
  const random = seededRandom(seed);
  const texts = shuffled(options.texts, random);
  if (texts.length < size.rows + (DATES.length - 2) * size.added) throw new Error(`${texts.length} texts are too few`);
  let id = 0;
  const fresh = (count: number): WeekRow[] => texts.splice(0, count).map((text) => ({ id: id++, text }));
  const gone: WeekRow[] = [];
  let table = fresh(size.rows);
  const nights = [table];
  while (nights.length < DATES.length - 1) {
    const drawn = shuffled(table, random);
    const deleted = new Set(drawn.slice(0, size.deleted));
    const changed = new Set(drawn.slice(size.deleted, size.deleted + size.changed));
    const back = shuffled(gone.splice(0), random);
    gone.push(...back.splice(size.returned));
    table = table
      .filter((row) => !deleted.has(row))
      .map((row) => (changed.has(row) ? { id: row.id, text: edited(row.text, random) } : row))
      .concat(back, fresh(size.added));
    gone.push(...deleted);
    nights.push(table);
  }
  nights.push(table);
  return nights;
}

/** The text after a correction: small ones leave a near-duplicate, large ones make another text. */
function edited(text: string, random: Random): string {
  const characters = Array.from(text);
  const at = random.below(characters.length + 1);
  const edits = [
    () => characters.splice(at, 1),
    () => characters.splice(at, 0, "x"),
    () => characters.push("!"),
    () => characters.unshift(..."update: "),
    () => characters.splice(0, Math.ceil(characters.length / 2), ...characters.slice().reverse()),
  ];
  edits[random.below(edits.length)]();
  return characters.join("").toUpperCase() === text.toUpperCase() ? `${text} (2)` : characters.join("");
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const copy = [...items];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/** Components of the vectors of `gramVector`. */
export const GRAM_DIM = 256;

/**
 * The vector of a text that a server of the tests gives, not normalised: its pairs and triples of characters, hashed.
 * Texts that share most of them are near to one another.
 */
export function gramVector(text: string): number[] {
  const vector = new Array<number>(GRAM_DIM).fill(0);
  const characters = Array.from(` ${text.toLowerCase()} `);
  for (const length of [2, 3]) {
    for (let i = 0; i + length <= characters.length; i++) {
      let hash = 2166136261;
      for (const byte of Buffer.from(characters.slice(i, i + length).join(""))) {
        hash = Math.imul(hash ^ byte, 16777619) >>> 0;
      }
      hash ^= hash >>> 15;
      vector[hash % GRAM_DIM] += hash & 0x10000 ? 1 : -1;
    }
  }
  return vector;
}
