/** Random numbers in [0, 1), the same for the same seed. */
export type Random = () => number;

/**
 * The generator mulberry32, the only one of this program that draws samples. Its 32 bits of state are enough for that.
 * @param seed an integer, of which the lowest 32 bits count
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** An integer from 0 to `bound` - 1. */
export function below(random: Random, bound: number): number {
  return Math.min(bound - 1, Math.floor(random() * bound));
}
