import { RawNumber } from "./numbers.js";

/** Bookkeeping of an array or object that is being written. */
interface Open {
  readonly keys: readonly string[] | undefined;
  readonly values: readonly unknown[];
  next: number;
}

/**
 * The JSON text of a value as `parseJson` gives it: integers with every digit, `-0` as such, numbers that float64
 * cannot hold as they stood, lone surrogates as escapes (as JSON.stringify does), no white space. Takes any depth of
 * nesting, where JSON.stringify overflows the stack.
 */
export function jsonValueText(value: unknown): string {
  let text = "";
  const stack: Open[] = [];
  let current = value;
  for (;;) {
    // Write the value in hand, or open it where it is a container.
    const scalar = scalarText(current);
    if (scalar !== undefined) text += scalar;
    else {
      const opened = open(current as object);
      text += opened.keys ? "{" : "[";
      stack.push(opened);
    }
    // Close what is finished, then take the next member of what is not.
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
