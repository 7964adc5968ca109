// ISO 8601 texts of Arrow's dates, times, timestamps, durations and intervals, exact to the last digit, also beyond the
// range of Date. `unit` is Arrow's TimeUnit throughout: 0 s, 1 ms, 2 µs, 3 ns.

const FRACTION_DIGITS = [0, 3, 6, 9] as const;
const UNITS_A_SECOND = [1n, 1_000n, 1_000_000n, 1_000_000_000n] as const;
const DAY_SECONDS = 86_400n;

/** "YYYY-MM-DD" of a day count since 1970-01-01; years outside 0-9999 get a sign and at least six digits. */
export function dateText(days: number): string {
  // Days to year, month, day: https://howardhinnant.github.io/date_algorithms.html#civil_from_days
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  const digits = year >= 0 && year <= 9999 ? padded(year, 4) : `${year < 0 ? "-" : "+"}${padded(Math.abs(year), 6)}`;
  return `${digits}-${padded(month, 2)}-${padded(day, 2)}`;
}

/** "HH:MM:SS" with all digits of the unit (Arrow's TimeUnit: 0 s, 1 ms, 2 us, 3 ns) of a time since midnight. */
export function timeText(value: bigint, unit: number): string {
  const perSecond = UNITS_A_SECOND[unit];
  const seconds = Number(value / perSecond);
  const clock = `${padded(Math.floor(seconds / 3600), 2)}:${padded(Math.floor(seconds / 60) % 60, 2)}:${padded(seconds % 60, 2)}`;
  return unit === 0 ? clock : `${clock}.${padded(value % perSecond, FRACTION_DIGITS[unit])}`;
}

/** "YYYY-MM-DDTHH:MM:SS" with all digits of the unit; a trailing Z where the value counts from the epoch in UTC. */
export function timestampText(value: bigint, unit: number, utc: boolean): string {
  const perDay = UNITS_A_SECOND[unit] * DAY_SECONDS;
  const inDay = ((value % perDay) + perDay) % perDay;
  return `${dateText(Number((value - inDay) / perDay))}T${timeText(inDay, unit)}${utc ? "Z" : ""}`;
}

/** "PT1.500S": a duration in seconds with all digits of the unit. */
export function durationText(value: bigint, unit: number): string {
  return `${value < 0n ? "-" : ""}PT${secondsText(value < 0n ? -value : value, unit)}S`;
}

/** "P1M2DT0.000000003S": an interval of months, days and a count of `unit`, each with its own sign. */
export function intervalText(months: number, days: number, time: bigint, unit: number): string {
  return `P${months}M${days}DT${time < 0n ? "-" : ""}${secondsText(time < 0n ? -time : time, unit)}S`;
}

function secondsText(value: bigint, unit: number): string {
  const perSecond = UNITS_A_SECOND[unit];
  return unit === 0 ? `${value}` : `${value / perSecond}.${padded(value % perSecond, FRACTION_DIGITS[unit])}`;
}

function padded(value: number | bigint, digits: number): string {
  return String(value).padStart(digits, "0");
}
