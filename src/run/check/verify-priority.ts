import type { KeepPolicy } from "../../exact/priority.js";

/** The number that orders a row; NaN for a row without a number, which goes last. */
export type PriorityKey = number | bigint;

/** Number of code points of a text. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

/**
 * Whether row a precedes row b. The policies last, longest and max put the greater key first, the others the less.
 * Equal keys go by row number.
 */
export function goesBefore(
  { kind }: KeepPolicy,
  a: { readonly row: number; readonly key: PriorityKey },
  b: { readonly row: number; readonly key: PriorityKey },
): boolean {
  const [noA, noB] = [Number.isNaN(Number(a.key)), Number.isNaN(Number(b.key))];
  if (noA || noB) return noA === noB ? a.row < b.row : noB;
  // A number and a 64-bit integer compare exactly with each other.
  // biome-ignore lint/suspicious/noDoubleEquals: a bigint is never === a number
  if (a.key == b.key) return a.row < b.row;
  return kind === "last" || kind === "longest" || kind === "max" ? a.key > b.key : a.key < b.key;
}
