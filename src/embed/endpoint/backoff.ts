/** Waits grow from the first to the longest, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/**
 * Wait before the next attempt: doubled each time, of which the upper half is random, so that requests that failed together
 * do not come back together.
 * @param failures failed attempts so far, at least 1
 * @param random in [0, 1)
 */
export function backoffMs(failures: number, { firstMs, longestMs }: BackoffLimits, random: number): number {
  const full = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return full / 2 + (full / 2) * random;
}

/**
 * Milliseconds that a `Retry-After` header asks for, given in seconds or as an HTTP date (RFC 9110, section 10.2.3).
 * @param now milliseconds since the epoch
 * @returns undefined where there is no header or it is neither
 */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  const value = header?.trim() ?? "";
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1000;
  // A date has a weekday and a month; Date.parse would also take a bare number for a year.
  const date = /^[A-Za-z]/.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
