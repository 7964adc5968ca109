/**
 * Half precision (IEEE binary16: 1 sign, 5 exponent and 10 fraction bits, bias 15) for whole numbers in units of 2^-10.
 * A whole number of at most 25 bits is then a normal number or 0, so neither the smallest numbers nor infinity occur.
 */
const UNIT_EXPONENT = -10;
const FRACTION_BITS = 10;
const BIAS = 15;
/** Bits of +∞, which no product reaches. */
export const HALF_INFINITY = 0x7c00;
/** Larger thresholds and smaller ones are reached by no product of codes, or by all: these stay below 2^24. */
const MOST = 2 ** 25;

/**
 * Bits of the largest half-precision number that is not above `whole` · 2^-10.
 * @param whole any int32; what is beyond ±2^25 counts as ±2^25
 */
export function halfAtMost(whole: number): number {
  const clamped = Math.max(-MOST, Math.min(MOST, whole));
  if (clamped === 0) return 0;
  const size = Math.abs(clamped);
  const exponent = 31 - Math.clz32(size);
  const step = 2 ** (exponent - FRACTION_BITS);
  // Below 0, the number not above is the one of larger size. Where that is the next power of two, the carry into the
  // exponent's bits is the right one.
  const digits = clamped < 0 ? Math.ceil(size / step) : Math.floor(size / step);
  const bits = ((exponent + UNIT_EXPONENT + BIAS) << FRACTION_BITS) + digits - (1 << FRACTION_BITS);
  return clamped < 0 ? bits | 0x8000 : bits;
}

/** The value of a half-precision number in units of 2^-10. @param bits of a normal number or 0 */
export function halfInUnits(bits: number): number {
  const exponent = (bits >> FRACTION_BITS) & 31;
  if (exponent === 0) return 0;
  const digits = (bits & 1023) + 1024;
  const size = digits * 2 ** (exponent - BIAS - FRACTION_BITS - UNIT_EXPONENT);
  return bits & 0x8000 ? -size : size;
}

/** Bits of `whole` · 2^-5, exact for |whole| <= 2,048: what a code is multiplied as, so that products are in units of 2^-10. */
export function halfOfCode(whole: number): number {
  // 2^-5 is 2^5 units of 2^-10.
  return halfAtMost(whole * 32);
}
