import type { Random } from "../../random.js";
/** Draws `most` different positions below `count`, or all where there are fewer; ascending. */
export function drawPositions(count: number, most: number, random: Random): Uint32Array {
  const drawn: number[] = [];
  // Selection sampling: each position is taken with the probability that the sample still needs it.
  for (let position = 0; position < count && drawn.length < most; position++) {
    if (random() * (count - position) < most - drawn.length) drawn.push(position);
  }
  return Uint32Array.from(drawn);
}
