const whole = new Intl.NumberFormat("en-US");

/** A count with separators: 53,360. */
export function count(value: number): string {
  return whole.format(value);
}

/**
 * A cosine with four digits, rounded towards zero: rounded up, one below the threshold would seem to reach it, and
 * rounded to the nearest, 0.99996 would seem to be 1.
 */
export function cosine(value: number): string {
  // The cosines are float32: 0.9 is 0.89999998 there, which is meant to be 0.9.
  return (Math.floor(value * 10_000 + 1e-2) / 10_000).toFixed(4);
}

/** Seconds with the digits that matter. */
export function seconds(value: number): string {
  return value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}

/** Bytes in the unit that fits. */
export function bytes(value: number): string {
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)} GB`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} MB`;
  return `${Math.ceil(value / 1e3)} kB`;
}

/** A number with its noun: 1 row, 2 rows. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}
