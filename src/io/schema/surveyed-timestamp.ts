import { Timestamp } from "apache-arrow";

/** Arrow's unit of microseconds. */
export const MICROSECOND = 2;
/** Arrow's unit of nanoseconds. */
export const NANOSECOND = 3;

/**
 * The type of timestamps whose values have been looked at before they are read, because their format allows more than
 * any Arrow type holds: INT96 of Parquet counts nanoseconds over millions of years. They are nanoseconds where all fit,
 * which is 1677 to 2262, and else microseconds. For all other code this is a plain `Timestamp`; `unifySchemas` also
 * asks which other unit would hold the same values exactly.
 */
export class SurveyedTimestamp extends Timestamp {
  /** Whether some value lies outside of the range of nanoseconds; the unit is then microseconds. */
  readonly wide: boolean;
  /** Whether some value has digits that microseconds do not hold; the unit is then nanoseconds. */
  readonly fine: boolean;

  constructor(values: { readonly wide: boolean; readonly fine: boolean }) {
    super(values.wide ? MICROSECOND : NANOSECOND);
    this.wide = values.wide;
    this.fine = values.fine;
  }
}

/**
 * The narrowest timestamp type that holds the values of both exactly: the finer unit, except that nanoseconds known to
 * be whole microseconds yield to values that nanoseconds do not hold. Undefined where the time zones differ or no unit
 * holds all values.
 */
export function unifyTimestamps(a: Timestamp, b: Timestamp): Timestamp | undefined {
  if ((a.timezone ?? "") !== (b.timezone ?? "")) return undefined;
  const [left, right] = [a, b].map((type) => (type instanceof SurveyedTimestamp ? type : undefined));
  const wide = left?.wide === true || right?.wide === true;
  if (wide) {
    // A plain column of nanoseconds may hold any digits.
    const fine = [a, b].some((type) => type.unit === NANOSECOND && !(type instanceof SurveyedTimestamp && !type.fine));
    return fine ? undefined : new SurveyedTimestamp({ wide, fine });
  }
  if (left !== undefined && right !== undefined) {
    return new SurveyedTimestamp({ wide, fine: left.fine || right.fine });
  }
  return new Timestamp(Math.max(a.unit, b.unit), a.timezone);
}
