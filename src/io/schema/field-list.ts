import { DataType, type Field, type Schema } from "apache-arrow";
import { closest } from "../../text/closest.js";
import { isListType } from "../columns/lists.js";
import { isTextType, valueType } from "../columns/strings.js";
import { isJsonField } from "../jsonl/json-text.js";
import { RawNumber } from "../jsonl/numbers.js";
import { formatPath, type Step } from "./path.js";
import { quote } from "./text-fields.js";

/** A field without fields below it, as an error lists it. */
export interface LeafField {
  /** As the user would write it: `messages[].content`. */
  readonly path: string;
  /** The type in words; absent where it is not known. */
  readonly type?: string;
  /** True where the field holds text. */
  readonly text: boolean;
}

/** Fields listed in an error. */
const LISTED = 20;
/** Levels of nesting that are searched for fields. */
const MAX_DEPTH = 32;
/** Names that text often has beside other strings, such as `role`; they come first in a suggestion. */
const TEXT_NAMES = ["content", "text", "value", "body"];

/** The fields of a schema, down to the strings and numbers. A list of anything but texts and objects is one field. */
export function schemaLeaves({ fields }: Schema): LeafField[] {
  const leaves: LeafField[] = [];
  const visit = (field: Field, steps: readonly Step[]): void => {
    const type = valueType(field.type);
    if (steps.length < MAX_DEPTH && isListType(type) && hasFields(type)) {
      visit(type.children[0], [...steps, { kind: "all" }]);
    } else if (steps.length < MAX_DEPTH && DataType.isStruct(type) && hasFields(type)) {
      for (const child of type.children) visit(child, [...steps, { kind: "key", key: child.name }]);
    } else if (DataType.isMap(type) && isText(type.children[0].type.children[1])) {
      // The keys of a map are in its rows; KEY stands for any.
      leaves.push({ path: formatPath([...steps, { kind: "key", key: "KEY" }]), type: brief(field.type), text: true });
    } else leaves.push({ path: formatPath(steps), type: brief(field.type), text: isText(field) });
  };
  for (const field of fields) visit(field, [{ kind: "key", key: field.name }]);
  return leaves;
}

/** True for objects with fields, and for lists of them or of texts: what an error lists by its parts. */
function hasFields(type: DataType): boolean {
  if (DataType.isStruct(type)) return type.children.length > 0;
  if (!isListType(type)) return false;
  const [item] = type.children as Field[];
  return isText(item) || hasFields(valueType(item.type));
}

/** Collects the fields of JSON records, down to the strings and numbers, in the order first seen. */
export class RecordLeaves {
  readonly #leaves = new Map<string, LeafField>();
  /** Paths of lists and objects; where another record has a null or nothing there, that is no field. */
  readonly #nested = new Set<string>();

  add(record: object): this {
    for (const [key, value] of Object.entries(record)) this.#visit(value, [{ kind: "key", key }]);
    return this;
  }

  get leaves(): LeafField[] {
    return [...this.#leaves.values()].filter(({ path, text }) => text || !this.#nested.has(path));
  }

  #visit(value: unknown, steps: readonly Step[]): void {
    const deeper = steps.length < MAX_DEPTH;
    if (deeper && Array.isArray(value) && value.some((item) => typeof item === "string" || isNested(item))) {
      this.#nested.add(formatPath(steps));
      for (const item of value) this.#visit(item, [...steps, { kind: "all" }]);
    } else if (deeper && isNested(value) && !Array.isArray(value) && Object.keys(value).length > 0) {
      this.#nested.add(formatPath(steps));
      for (const [key, item] of Object.entries(value)) this.#visit(item, [...steps, { kind: "key", key }]);
    } else {
      const path = formatPath(steps);
      const text = typeof value === "string";
      if (text || !this.#leaves.has(path)) this.#leaves.set(path, { path, text });
    }
  }
}

/** The fields for an error, those with text first, the first 20 of them; empty where there are none. */
export function listFields(leaves: readonly LeafField[]): string {
  const ordered = [...leaves.filter(({ text }) => text), ...leaves.filter(({ text }) => !text)];
  const listed = ordered
    .slice(0, LISTED)
    .map(({ path, type }) => (type === undefined ? quote(path) : `${quote(path)} (${type})`));
  return listed.join(", ") + (ordered.length > LISTED ? ` and ${ordered.length - LISTED} more` : "");
}

/**
 * The path among `leaves` that was probably meant by `name`, as a word of the shell: a field below the named one, one
 * of the same names with other dots and brackets, one whose last name is the given one, or the closest. Undefined where
 * none is near.
 */
export function meantPath(name: string, leaves: readonly LeafField[]): string | undefined {
  const paths = leaves.map(({ path }) => path);
  const below = (stem: string) => paths.filter((path) => path.startsWith(`${stem}.`) || path.startsWith(`${stem}[`));
  let fits = below(name);
  if (fits.length === 0) fits = paths.filter((path) => words(path) === words(name));
  if (fits.length === 0) fits = paths.filter((path) => path.endsWith(`.${name}`));
  if (fits.length === 0) {
    const stems = paths.flatMap((path) => Array.from(path.matchAll(/[.[]/g), ({ index }) => path.slice(0, index)));
    const near = closest(name, [...paths, ...stems]);
    if (near !== undefined) fits = paths.includes(near) ? [near] : below(near);
  }
  const meant = TEXT_NAMES.map((last) => fits.find((path) => path.endsWith(`.${last}`))).find(Boolean) ?? fits[0];
  return meant === undefined ? undefined : pathWord(meant);
}

/** The names of a path, however they are put together. */
function words(path: string): string {
  return path
    .split(/[.[\]'"]+/)
    .filter(Boolean)
    .join(".");
}

/** The end of an error about the text field `name`: what was probably meant, and the fields there are. */
export function textFieldsFor(name: string, leaves: readonly LeafField[], verb: "did you mean" | "write"): string {
  const meant = meantPath(
    name,
    leaves.filter(({ text }) => text),
  );
  const cure = meant === undefined ? "" : verb === "write" ? `write -t ${meant}; ` : `did you mean -t ${meant}? `;
  return `${cure}the fields are ${listFields(leaves) || "none"}`;
}

/** As `textFieldsFor`, for a field of another flag. */
export function fieldsFor(name: string, leaves: readonly LeafField[]): string {
  const meant = meantPath(name, leaves);
  return `${meant === undefined ? "" : `did you mean ${meant}? `}the fields are ${listFields(leaves) || "none"}`;
}

/** A type in words, cut to a length that suits an error. */
export function brief(type: DataType): string {
  const words = String(type);
  return words.length > 60 ? `${words.slice(0, 60)}...` : words;
}

/** A path as a word of the shell, in quotes where the shell would read more than letters. */
function pathWord(path: string): string {
  if (/^[\w./-]+$/.test(path)) return path;
  return path.includes("'") ? JSON.stringify(path) : `'${path}'`;
}

function isText(field: Field): boolean {
  return isTextType(field.type) || isJsonField(field);
}

/** True for lists and objects of JSON; a number that keeps its text is neither. */
function isNested(value: unknown): value is object {
  return typeof value === "object" && value !== null && !(value instanceof RawNumber);
}
