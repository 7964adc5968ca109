import type { Random } from "./random.js";

/** Cuts, overwrites, repeats, moves and inserts bytes, with a liking for the values that lengths go wrong at. */
export function mutate(bytes: Uint8Array, random: Random): Buffer {
  let mutated = Buffer.from(bytes);
  const edges = [0, 1, 0x7f, 0x80, 0xff];
  for (let n = 1 + random.below(4); n > 0 && mutated.length > 0; n--) {
    const at = random.below(mutated.length);
    const kind = random.below(10);
    if (kind < 5) mutated[at] = random.below(2) === 0 ? edges[random.below(edges.length)] : random.below(256);
    else if (kind === 5) mutated[at] ^= 1 << random.below(8);
    else if (kind === 6) mutated = mutated.subarray(0, at);
    else if (kind === 7)
      mutated.fill(edges[random.below(edges.length)], at, Math.min(mutated.length, at + random.below(9)));
    else {
      const piece = kind === 8 ? random.bytes(random.below(9)) : mutated.subarray(at, at + random.below(64));
      mutated = Buffer.concat([mutated.subarray(0, at), piece, mutated.subarray(at)]);
    }
  }
  return mutated;
}
