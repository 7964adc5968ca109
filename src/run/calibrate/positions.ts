import type { Random } from "../../random.js";
/** Index of a number in an ascending list; -1 where it is not in the list. */
export function indexOf(list: Float64Array, number: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] < number) low = middle + 1;
    else high = middle;
  }
  return list[low] === number ? low : -1;
}

/** Draws `most` different positions below `count`, or all where there are fewer; ascending. */
export function drawPositions(count: number, most: number, random: Random): Uint32Array {
  const drawn: number[] = [];
  // Selection sampling: each position is taken with the probability that the sample still needs it.
  for (let position = 0; position < count && drawn.length < most; position++) {
    if (random() * (count - position) < most - drawn.length) drawn.push(position);
  }
  return Uint32Array.from(drawn);
}
