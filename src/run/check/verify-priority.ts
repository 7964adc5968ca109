import type { KeepPolicy } from "../../exact/priority.js";

/** A number that a row is ordered by; NaN where it has none and goes last. */
export type PriorityKey = number | bigint;

/** Code points of a text. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/** Whether row a goes before row b: the greater key for last, longest and max, else the less; ties by row. */
export function goesBefore(
  { kind }: KeepPolicy,
  a: { readonly row: number; readonly key: PriorityKey },
  b: { readonly row: number; readonly key: PriorityKey },
): boolean {
  const [noA, noB] = [Number.isNaN(Number(a.key)), Number.isNaN(Number(b.key))];
  if (noA || noB) return noA === noB ? a.row < b.row : noB;
  // Numbers and 64-bit integers compare exactly with each other.
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint is never === a number
  if (a.key == b.key) return a.row < b.row;
  return kind === "last" || kind === "longest" || kind === "max" ? a.key > b.key : a.key < b.key;
}
