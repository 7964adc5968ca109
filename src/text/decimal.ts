/**
 * A decimal number times a power of ten, by moving its point, so that no digit is lost at any length. `digits` are ASCII
 * digits with at most one point. Returns the shortest form: no leading zeros, no trailing ones after the point.
 */
export function shiftDecimal(digits: string, power: number): string {
  const [whole, fraction = ""] = digits.split(".");
  let left = whole;
  let right = fraction;
  if (power >= 0) {
    left += right.slice(0, power).padEnd(power, "0");
    right = right.slice(power);
  } else {
    const padded = left.padStart(1 - power, "0");
    left = padded.slice(0, power);
    right = padded.slice(power) + right;
  }
  left = left.replace(/^0+(?=\d)/, "");
  right = right.replace(/0+$/, "");
  return right === "" ? left : `${left}.${right}`;
}
