import { RawNumber } from "./numbers.js";

/** An array or object that is being written; `keys` is undefined for an array, `next` the index of the next member. */
interface Open {
  readonly keys: readonly string[] | undefined;
  readonly values: readonly unknown[];
  next: number;
}

/**
 * The JSON text of a value of `parseJson`, without white space: integers with every digit, `-0` as `-0`, numbers that
 * float64 cannot hold by their literals, NaN and infinities as strings, lone surrogates as escapes. The nesting may have any depth; JSON.stringify
 * would overflow the stack.
 */
export function jsonValueText(value: unknown): string {
  let text = "";
  const stack: Open[] = [];
  let current = value;
  for (;;) {
    // Write the current value; of a container, write its opening bracket and push it.
    const scalar = scalarText(current);
    if (scalar !== undefined) text += scalar;
    else {
      const opened = open(current as object);
      text += opened.keys ? "{" : "[";
      stack.push(opened);
    }
    // Close every container without a further member, then take the next member of the innermost open one.
    let top = stack[stack.length - 1];
    while (top !== undefined && top.next === top.values.length) {
      text += top.keys ? "}" : "]";
      stack.pop();
      top = stack[stack.length - 1];
    }
    if (top === undefined) return text;
    if (top.next > 0) text += ",";
    if (top.keys) text += `${JSON.stringify(top.keys[top.next])}:`;
    current = top.values[top.next++];
  }
}

function scalarText(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) return `"${value}"`;
      return Object.is(value, -0) ? "-0" : JSON.stringify(value);
    case "bigint":
      return value.toString();
    case "object":
      if (value === null) return "null";
      return value instanceof RawNumber ? value.text : undefined;
    default:
      return "null";
  }
}

function open(container: object): Open {
  if (Array.isArray(container)) return { keys: undefined, values: container, next: 0 };
  return { keys: Object.keys(container), values: Object.values(container), next: 0 };
}
