/**
 * A number whose literal tells more than its float64: a float with an integral value (`1.0`, `1e5`), which must not be
 * taken for an integer, or a number with more digits or a larger exponent than any machine number holds.
 */
export class RawNumber {
  /** The literal as it stands in the source. */
  readonly text: string;
  /** The nearest float64. */
  readonly value: number;
  /** True for a float that `value` holds completely: at most 17 significant digits, no overflow or underflow. */
  readonly fits: boolean;

  constructor(text: string) {
    this.text = text;
    this.value = Number(text);
    this.fits = FLOAT.test(text) && fitsFloat64(text, this.value);
  }
}

/**
 * A value of `parseJson`: as of JSON.parse, but a bigint for an integer beyond 2^53, a RawNumber where float64 loses
 * something, and the numbers NaN, Infinity and -Infinity for these words.
 */
export type JsonValue = null | boolean | number | bigint | string | RawNumber | JsonValue[] | JsonObject;
/** A JSON object: own properties only, `__proto__` among them where the source has it. */
export interface JsonObject {
  [name: string]: JsonValue;
}

/** Levels of nesting that `parseJson` accepts: far more than any data has, far fewer than could exhaust memory. */
export const MAX_NESTING = 10_000;

const ZERO = 48;
const NINE = 57;
const UPPER_I = 73;
const UPPER_N = 78;
/** What Python's json module writes for numbers that JSON does not have; JavaScript has the same words for them. */
const NOT_FINITE = /NaN|-?Infinity/y;
/** The grammar of a JSON number. */
const LITERAL = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$/;
const FLOAT = /[.eE]/;
const DIGIT = /[0-9]/;
/** The smallest normal float64; smaller numbers have fewer significant digits. */
const MIN_NORMAL = 2 ** -1022;
/** Characters of a literal without an exponent that may lie below `MIN_NORMAL`. */
const MAX_PLAIN_LENGTH = 300;
/**
 * Characters of the longest integer that becomes a bigint. Longer ones fit no integer type, and converting them takes
 * long.
 */
const MAX_BIGINT_DIGITS = 40;
/** First private-use character, U+E000 to U+F8FF; one of them marks the literals that are wrapped in strings. */
const FIRST_MARK = 0xe000;

/**
 * Parses one JSON text without losing a digit, and with NaN, Infinity and -Infinity as numbers. A first pass, which takes an eighth of the time of reading a line, finds
 * the literals that JSON.parse would round. The parser wraps them in marked strings, calls JSON.parse, and replaces the
 * strings by numbers:
 *
 *     {"id":12345678901234567890}  ->  {"id":"\ue00012345678901234567890"}  ->  { id: 12345678901234567890n }
 *
 * @throws SyntaxError where the text is not JSON or is nested deeper than `MAX_NESTING`
 */
export function parseJson(text: string): JsonValue {
  const spans: number[] = [];
  if (findSpecialNumbers(text, spans) > MAX_NESTING) {
    throw new SyntaxError(`nested deeper than ${MAX_NESTING} levels`);
  }
  return spans.length === 0 ? JSON.parse(text) : parseMarked(text, spans);
}

/**
 * Collects into `spans` the (start, end) of every number literal that float64 would change, and returns the depth of
 * nesting. `text` need not be valid JSON.
 */
function findSpecialNumbers(text: string, spans: number[]): number {
  const length = text.length;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) {
      at = endOfString(text, at);
      if (at < 0) return deepest;
    } else if (code === UPPER_N || code === UPPER_I || (code === 45 && text.charCodeAt(at + 1) === UPPER_I)) {
      NOT_FINITE.lastIndex = at;
      const end = NOT_FINITE.test(text) ? NOT_FINITE.lastIndex : at;
      if (end > at && !isKey(text, end)) spans.push(at, end);
      at = Math.max(at, end - 1);
    } else if (code === 45 || (code >= ZERO && code <= NINE)) {
      const start = at;
      let integral = true;
      let exponent = false;
      let significant = 0;
      let fraction = ZERO;
      for (; at < length; at++) {
        const next = text.charCodeAt(at);
        if (next >= ZERO && next <= NINE) {
          if (significant > 0 || next > ZERO) significant++;
          // An OR of digits: "0" (0x30) as long as every digit of the fraction is 0, so that 1.0 and 2.00 are found.
          fraction |= next;
        } else if (next === 46) {
          integral = false;
          fraction = ZERO;
        } else if (next === 101 || next === 69) {
          integral = false;
          exponent = true;
        } else if (next !== 43 && next !== 45) break;
      }
      const long = at - start > MAX_PLAIN_LENGTH;
      const suspect = integral ? significant > 15 : exponent || long || significant > 17 || fraction === ZERO;
      if (suspect && isSpecial(text.slice(start, at), integral) && !isKey(text, at)) spans.push(start, at);
      at--;
    } else if (code === 91 || code === 123) {
      if (++depth > deepest) deepest = depth;
    } else if (code === 93 || code === 125) depth--;
  }
  return deepest;
}

/** Position of the quote that closes the string opened at `open`, or -1. */
function endOfString(text: string, open: number): number {
  for (let at = text.indexOf('"', open + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === 92) slashes++;
    if ((slashes & 1) === 0) return at;
  }
  return -1;
}

/**
 * True where a colon follows. A number is no valid key, but the string in its place would be one and hide the error.
 */
function isKey(text: string, end: number): boolean {
  let at = end;
  while (text.charCodeAt(at) <= 32) at++;
  return text.charCodeAt(at) === 58;
}

/** True for a literal that float64 changes. False for an invalid literal, so that JSON.parse still refuses it. */
function isSpecial(literal: string, integral: boolean): boolean {
  if (!LITERAL.test(literal)) return false;
  const value = Number(literal);
  if (integral) return !Number.isSafeInteger(value);
  return Number.isInteger(value) || !fitsFloat64(literal, value);
}

function fitsFloat64(literal: string, value: number): boolean {
  const significant = significantDigits(literal);
  if (value === 0) return significant === 0;
  return Number.isFinite(value) && significant <= 17 && Math.abs(value) >= MIN_NORMAL;
}

/** Digits of the mantissa from the first to the last that is not 0. */
function significantDigits(literal: string): number {
  let digits = 0;
  let zeros = 0;
  for (let at = 0; at < literal.length; at++) {
    const code = literal.charCodeAt(at);
    if (code > NINE) break;
    if (code > ZERO) {
      digits += zeros + 1;
      zeros = 0;
    } else if (code === ZERO && digits > 0) zeros++;
  }
  return digits;
}

function parseMarked(text: string, spans: readonly number[]): JsonValue {
  const mark = unusedMark(text);
  let marked = "";
  let from = 0;
  for (let i = 0; i < spans.length; i += 2) {
    marked += `${text.slice(from, spans[i])}"${mark}${text.slice(spans[i], spans[i + 1])}"`;
    from = spans[i + 1];
  }
  try {
    return replaceMarked(JSON.parse(marked + text.slice(from)), mark);
  } catch {
    // The original text again, so that the error gives positions in the original.
    return JSON.parse(text);
  }
}

/** A private-use character that no string of `text` contains, neither directly nor as an escape. */
function unusedMark(text: string): string {
  const escapes = text.includes("\\u");
  for (let code = FIRST_MARK; code < 0xf900; code++) {
    const mark = String.fromCharCode(code);
    if (text.includes(mark)) continue;
    if (!escapes || !new RegExp(`\\\\u${code.toString(16)}`, "i").test(text)) return mark;
  }
  throw new SyntaxError("uses every private-use character, so that none is left to mark numbers with");
}

/**
 * Replaces the marked strings by numbers, in place. The stack is explicit, because the nesting may exceed the call
 * stack.
 */
function replaceMarked(root: JsonValue, mark: string): JsonValue {
  const code = mark.charCodeAt(0);
  const top = { root };
  const open: (JsonObject | JsonValue[])[] = [top];
  for (let container = open.pop(); container !== undefined; container = open.pop()) {
    const holder = container as JsonObject;
    // Own keys only, so that assigning `__proto__` sets that property and no prototype.
    for (const key in holder) {
      const value = holder[key];
      if (typeof value === "string") {
        if (value.charCodeAt(0) === code) holder[key] = number(value.slice(1));
      } else if (typeof value === "object" && value !== null) open.push(value as JsonObject);
    }
  }
  return top.root;
}

function number(literal: string): number | bigint | RawNumber {
  if (!DIGIT.test(literal)) return Number(literal);
  return literal.length > MAX_BIGINT_DIGITS || FLOAT.test(literal) ? new RawNumber(literal) : BigInt(literal);
}
