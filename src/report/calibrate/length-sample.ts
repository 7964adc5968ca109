import { below, type Random } from "../../random.js";

/** A class of texts by their length in characters (UTF-16 units). */
export interface LengthClass {
  readonly name: "short" | "medium" | "long";
  /** Shortest and longest text of the class. */
  readonly from: number;
  readonly to: number;
}

/** A sample over all lengths. */
export interface LengthSample {
  /** Positions, ascending. */
  readonly positions: Uint32Array;
  /** Classes that have texts: thirds of the input by length, fewer where many texts have the same length. */
  readonly classes: readonly LengthClass[];
}

/**
 * Draws texts without replacement, equally many of each third by length; where a third is exhausted, more of the
 * others.
 * @param lengths length of each text
 * @param size number of texts wanted
 */
export function sampleByLength(lengths: Uint32Array, size: number, random: Random): LengthSample {
  const classes = lengthClasses(lengths);
  const members = classes.map(() => [] as number[]);
  for (const [position, length] of lengths.entries()) members[classIndex(classes, length)].push(position);
  let left = Math.min(size, lengths.length);
  const drawn: number[] = [];
  // The smallest class comes first, so that what it cannot give falls to the others.
  const ordered = members.sort((a, b) => a.length - b.length);
  for (const [i, list] of ordered.entries()) {
    const take = Math.min(list.length, Math.ceil(left / (ordered.length - i)));
    drawn.push(...drawFrom(list, take, random));
    left -= take;
  }
  return { positions: Uint32Array.from(drawn).sort(), classes };
}

/** The class of a length, by its index. */
export function classIndex(classes: readonly LengthClass[], length: number): number {
  return Math.max(
    0,
    classes.findIndex(({ to }) => length <= to),
  );
}

function lengthClasses(lengths: Uint32Array): LengthClass[] {
  const sorted = lengths.slice().sort();
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  const cuts = [...new Set([quantile(1 / 3), quantile(2 / 3), sorted[sorted.length - 1]])];
  const names = (["short", "medium", "long"] as const).slice(3 - cuts.length);
  return cuts.map((to, i) => ({
    name: cuts.length === 1 ? "medium" : names[i],
    from: i === 0 ? sorted[0] : cuts[i - 1] + 1,
    to,
  }));
}

/** Draws from a list, which it reorders. */
function drawFrom(list: number[], count: number, random: Random): number[] {
  for (let i = 0; i < count; i++) {
    const other = i + below(random, list.length - i);
    [list[i], list[other]] = [list[other], list[i]];
  }
  return list.slice(0, count);
}
