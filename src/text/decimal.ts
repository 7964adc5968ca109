/**
 * Multiplies a decimal number by a power of ten. Moves the point in the digits, so no digit is lost at any length.
 * @param digits ASCII digits with at most one point
 * @returns the shortest form: no leading zeros, and no trailing zeros after the point
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
