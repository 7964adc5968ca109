import { UsageError } from "../errors.js";
import { Float64Chunks } from "./chunks.js";

/** Which of several near-duplicates stays, as `--keep` names it. */
export type KeepPolicy =
  | { readonly kind: "first" | "last" | "longest" | "shortest" }
  | { readonly kind: "max" | "min"; readonly field: string };

/**
 * Parses the value of `--keep`.
 * @throws UsageError unless it is first, last, longest, shortest, max:FIELD or min:FIELD
 */
export function parseKeepPolicy(text: string): KeepPolicy {
  if (text === "first" || text === "last" || text === "longest" || text === "shortest") return { kind: text };
  const [, kind, field] = /^(max|min):(.+)$/s.exec(text) ?? [];
  if (field === undefined) {
    throw new UsageError(`--keep ${text} is unknown; expected first, last, longest, shortest, max:FIELD or min:FIELD`);
  }
  return { kind: kind as "max" | "min", field };
}

/** The policy as the user writes it after `--keep`. */
export function formatKeepPolicy(policy: KeepPolicy): string {
  return "field" in policy ? `${policy.kind}:${policy.field}` : policy.kind;
}

/** The field whose values order the rows, if the policy names one. */
export function orderFieldOf(policy: KeepPolicy): string | undefined {
  return "field" in policy ? policy.field : undefined;
}

/** An ISO 8601 date, alone or with a time. A time without a zone is read as UTC. */
const ISO_DATE = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(\.\d+)?\s?(Z|[+-]\d{2}:?\d{2})?)?$/;

/**
 * Key of a value of the order field, as an exact sum of two float64: the low part holds what 64-bit integers and
 * fractions of a millisecond have beyond the high part. Numbers, 64-bit integers, booleans, numerals in strings, and
 * ISO dates in milliseconds have a key; other values give NaN.
 */
function orderKey(value: unknown): [high: number, low: number] {
  if (typeof value === "number") return [value, 0];
  if (typeof value === "boolean") return [value ? 1 : 0, 0];
  if (typeof value === "bigint") {
    const high = Number(value);
    return [high, Number(value - BigInt(high))];
  }
  if (typeof value !== "string") return [Number.NaN, 0];
  const text = value.trim();
  if (/^[+-]?\d+$/.test(text)) return orderKey(BigInt(text.replace("+", "")));
  const date = ISO_DATE.exec(text);
  if (date !== null) {
    const [, day, time = "00:00", fraction = "", zone = "Z"] = date;
    const offset = /^[+-]\d{4}$/.test(zone) ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
    return [Date.parse(`${day}T${time}${offset}`), fraction === "" ? 0 : Number(`0${fraction}`) * 1000];
  }
  return text === "" ? [Number.NaN, 0] : [Number(text), 0];
}

/** Number of code points, which counts a surrogate pair once. */
function codePoints(text: string): number {
  let count = text.length;
  for (let i = 0; i + 1 < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) count--;
  }
  return count;
}

/**
 * Compares two rows by their keys and their numbers: negative where row a has priority over row b; 0 only for the same
 * row. A key is the sum of its high and its low part; a key that is not a number comes after all others.
 */
export type CompareKeys = (highA: number, lowA: number, a: number, highB: number, lowB: number, b: number) => number;

/** The comparison of a keep policy, for rows whose keys `RowOrder` gave. */
export function compareKeys({ kind }: KeepPolicy): CompareKeys {
  if (kind === "first") return (_, __, a, ___, ____, b) => a - b;
  if (kind === "last") return (_, __, a, ___, ____, b) => b - a;
  const sign = kind === "longest" || kind === "max" ? -1 : 1;
  return (x, lowX, a, y, lowY, b) => {
    if (Number.isNaN(x) || Number.isNaN(y)) return Number(Number.isNaN(x)) - Number(Number.isNaN(y)) || a - b;
    if (x !== y) return x < y ? -sign : sign;
    return lowX === lowY ? a - b : sign * (lowX - lowY);
  };
}

/**
 * Priority of rows under a keep policy. Memory: 8 bytes a row for lengths, 16 for a field, none for first and last.
 * Equal keys go by row number. Rows whose value has no key come after all others, by row number.
 */
export class RowOrder {
  readonly policy: KeepPolicy;
  /** Length or key of each row: high part, and low part where the policy names a field. */
  readonly #high: Float64Chunks | undefined;
  readonly #low: Float64Chunks | undefined;
  readonly #compare: CompareKeys;
  #unordered = 0;

  constructor(policy: KeepPolicy) {
    this.policy = policy;
    this.#compare = compareKeys(policy);
    if (policy.kind !== "first" && policy.kind !== "last") this.#high = new Float64Chunks();
    if ("field" in policy) this.#low = new Float64Chunks();
  }

  /** Rows, rejected ones left out, whose field is missing or has no key. */
  get unordered(): number {
    return this.#unordered;
  }

  /** Takes the next record in row order: its text, null where rejected, and the value of its order field. */
  add(text: string | null, value: unknown): void {
    if (this.#low !== undefined && this.#high !== undefined) {
      const [high, low] = orderKey(value);
      if (Number.isNaN(high) && text !== null) this.#unordered++;
      this.#high.push(high);
      this.#low.push(low);
    } else this.#high?.push(text === null ? 0 : codePoints(text));
  }

  /** High part of a row's key; 0 where the policy needs none. */
  high(row: number): number {
    return this.#high === undefined ? 0 : this.#high.get(row);
  }

  /** Low part of a row's key; 0 where the policy needs none. */
  low(row: number): number {
    return this.#low === undefined ? 0 : this.#low.get(row);
  }

  /** Negative where row a has priority over row b; 0 only for the same row. */
  compare(a: number, b: number): number {
    return this.#compare(this.high(a), this.low(a), a, this.high(b), this.low(b), b);
  }
}
