/**
 * One step of a path: into the field of an object, to an element of a list, or to every element of a list. A negative
 * position counts from the end: -1 is the last element. A key that is written as an integer is also a position, where a
 * list is met (`messages.0.content`).
 */
export type Step =
  | { readonly kind: "key"; readonly key: string; readonly position?: number }
  | { readonly kind: "at"; readonly position: number }
  | { readonly kind: "all" };

/** A field name or path, parsed once. */
export interface FieldPath {
  /** As the user gave it. */
  readonly name: string;
  /**
   * The steps that the name stands for, in order of preference: the field of exactly this name, since a name may hold
   * dots and brackets, then the keys between the dots, then dots and brackets together. The first that leads to a value
   * counts. A name without dots and brackets stands for one field only.
   */
  readonly ways: readonly (readonly Step[])[];
}

/** `[3]`, `[-1]`, `[]`, or the quoted name of a field, `['a.b']` or `["a.b"]`, in which a backslash escapes. */
const BRACKET = /\[(?:(-?\d+)|'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|)\]/y;
const INTEGER = /^-?\d+$/;
/** A name that can stand between the dots of a path as it is. */
const PLAIN = /^[^.[\]]+$/;

/** Parses a name or path. Every text is a path: brackets that are no step belong to a name. */
export function fieldPath(name: string): FieldPath {
  const ways: (readonly Step[])[] = [[keyStep(name)]];
  if (name.includes(".")) ways.push(name.split(".").map(keyStep));
  const bracketed = name.includes("[") ? bracketSteps(name) : undefined;
  if (bracketed !== undefined) ways.push(bracketed);
  return { name, ways };
}

/** The shortest path of these steps that `fieldPath` parses back; names are quoted where they need it. */
export function formatPath(steps: readonly Step[]): string {
  const [first] = steps;
  if (steps.length === 1 && first.kind === "key") return first.key;
  let text = "";
  for (const step of steps) {
    if (step.kind === "all") text += "[]";
    else if (step.kind === "at") text += `[${step.position}]`;
    else if (!PLAIN.test(step.key)) text += `['${step.key.replaceAll(/[\\']/g, "\\$&")}']`;
    else text += text === "" ? step.key : `.${step.key}`;
  }
  return text;
}

/** The step to the field `key`. */
function keyStep(key: string): Step {
  return INTEGER.test(key) ? { kind: "key", key, position: Number(key) } : { kind: "key", key };
}

/** The steps of a path with brackets; undefined where something other than a dot or a bracket follows a bracket. */
function bracketSteps(path: string): Step[] | undefined {
  const steps: Step[] = [];
  for (let at = 0; at <= path.length; at++) {
    let end = at;
    let bracket = bracketAt(path, end);
    while (end < path.length && path[end] !== "." && bracket === undefined) bracket = bracketAt(path, ++end);
    if (end > at || bracket === undefined) steps.push(keyStep(path.slice(at, end)));
    for (at = end; bracket !== undefined; bracket = bracketAt(path, at)) {
      steps.push(bracket.step);
      at = bracket.end;
    }
    if (at < path.length && path[at] !== ".") return undefined;
  }
  return steps;
}

function bracketAt(path: string, at: number): { readonly step: Step; readonly end: number } | undefined {
  BRACKET.lastIndex = at;
  const found = BRACKET.exec(path);
  if (found === null) return undefined;
  const [, position, single, double] = found;
  const quoted = single ?? double;
  const end = BRACKET.lastIndex;
  if (quoted !== undefined) return { step: { kind: "key", key: quoted.replaceAll(/\\(.)/gs, "$1") }, end };
  return { step: position === undefined ? { kind: "all" } : { kind: "at", position: Number(position) }, end };
}
