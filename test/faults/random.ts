/** Numbers that are the same for the same seed. */
export interface Random {
  /** An integer from 0 to `n` - 1. */
  below(n: number): number;
  /** A number from 0 to below 1. */
  fraction(): number;
  /** `n` bytes. */
  bytes(n: number): Buffer;
}

/** mulberry32: 32 bits of state, period 2^32, enough for choices. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const fraction = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (n) => Math.floor(fraction() * n),
    fraction,
    bytes: (n) => Buffer.from(Array.from({ length: n }, () => Math.floor(fraction() * 256))),
  };
}
