import { type Data, DataType, type RecordBatch, type Schema, type Vector } from "apache-arrow";
import { InputError } from "../../errors.js";
import { isValid } from "../columns/layout.js";
import { isTextType, isUtf8Column, isUtf8Value, stringReader } from "../columns/strings.js";
import { isJsonField } from "../jsonl/json-text.js";
import { type CellReader, cellReader, type Leaf } from "./cells.js";
import { type ColumnPath, type ColumnWay, findColumn, intoLists } from "./column-paths.js";
import { brief, schemaLeaves, textFieldsFor } from "./field-list.js";
import { type TextFault, textOf } from "./text-fields.js";

/** The texts of a batch, and the faults of its rejected rows. */
export interface BatchTexts {
  /** One entry a row; null where there is a fault. */
  readonly texts: (string | null)[];
  /** Row to reason, lower case. */
  readonly faults: ReadonlyMap<number, string>;
}

/**
 * Finds the columns of the text fields: strings, binary columns whose bytes are UTF-8, and lists of both, which stand
 * for all their elements.
 * @throws InputError where one is missing or holds no texts (a column of nulls may pass: every row is then rejected).
 */
export function resolveTextColumns(schema: Schema, names: readonly string[], source: string): ColumnPath[] {
  return names.map((name) => {
    const ways = findColumn(schema, name)?.ways ?? [];
    const [first, ...others] = ways.map(textWay);
    if (first !== undefined) return { name, ways: [first, ...others.filter((way) => way !== undefined)] };
    const fields = (verb: "did you mean" | "write") => textFieldsFor(name, schemaLeaves(schema), verb);
    const quoted = JSON.stringify(name);
    if (ways.length === 0) throw new InputError(`${source}: no field ${quoted}; ${fields("did you mean")}`);
    const found = `text field ${quoted} is ${brief(ways[0].field.type)}, expected a string`;
    throw new InputError(`${source}: ${found}; ${fields("write")}`);
  });
}

/** The way down to the texts of a column; undefined where it holds none. */
function textWay(way: ColumnWay): ColumnWay | undefined {
  const last = way.steps.at(-1)?.kind;
  if (last === "json" || last === "none") return way;
  const { top, steps, field } = intoLists(way);
  if (isJsonField(field)) return { top, steps: [...steps, { kind: "json", steps: [] }], field };
  if (DataType.isNull(field.type)) return { top, steps: [...steps, { kind: "none" }], field };
  return isTextType(field.type) ? { top, steps, field } : undefined;
}

/**
 * The text of each row: the strings of all paths, without nulls, joined by newlines. A row without a text has a fault,
 * unless texts are `optional`.
 */
export function batchTexts(batch: RecordBatch, paths: readonly ColumnPath[], optional = false): BatchTexts {
  const faults = new Map<number, string>();
  const texts = new Array<string | null>(batch.numRows).fill(null);
  for (const path of paths) addTexts(batch, path, texts, faults);
  for (let row = 0; row < texts.length; row++) {
    if (faults.has(row)) texts[row] = null;
    else if (texts[row] === null && !optional) faults.set(row, missing(paths));
  }
  return { texts, faults };
}

function addTexts(batch: RecordBatch, path: ColumnPath, texts: (string | null)[], faults: Map<number, string>): void {
  const leaf = textLeaf(path.name);
  const [first, ...others] = path.ways.map((way) => cellReader(batch, way, leaf));
  for (let row = 0; row < texts.length; row++) {
    let text = first(row);
    for (let i = 0; text === null && i < others.length; i++) text = others[i](row);
    if (text === null) continue;
    if (typeof text !== "string") {
      if (!faults.has(row)) faults.set(row, text.error);
      continue;
    }
    const before = texts[row];
    texts[row] = before === null ? text : `${before}\n${text}`;
  }
}

function missing(paths: readonly ColumnPath[]): string {
  const names = paths.map(({ name }) => JSON.stringify(name)).join(", ");
  return paths.length === 1 ? `text field ${names} is null` : `text fields ${names} are null`;
}

/** Reads texts, or the faults of what is none; the first fault of a list is the fault of its row. */
function textLeaf(name: string): Leaf<string | TextFault> {
  const invalid: TextFault = { error: `text field ${JSON.stringify(name)} is not valid UTF-8` };
  return {
    column: (data) => textReader(data, invalid),
    value: (value) => textOf(value, name),
    join: (before, next) => {
      if (typeof before !== "string") return before;
      return typeof next === "string" ? `${before}\n${next}` : next;
    },
  };
}

/** Reads the texts of a column; `invalid` stands for a text whose bytes are not UTF-8. */
function textReader(data: Data, invalid: TextFault): CellReader<string | TextFault> {
  const read = DataType.isDictionary(data.type) ? dictionaryTexts(data, invalid) : plainTexts(data, invalid);
  return data.nullCount === 0 ? read : (row) => (isValid(data, row) ? read(row) : null);
}

// Decoding puts U+FFFD in place of invalid bytes, so only a text with U+FFFD needs the exact test.
function plainTexts(data: Data, invalid: TextFault): (row: number) => string | TextFault {
  const read = stringReader(data);
  if (isUtf8Column(data)) return read;
  return (row) => {
    const text = read(row);
    return text.includes("\ufffd") && !isUtf8Value(data, row) ? invalid : text;
  };
}

/** The texts of each dictionary, decoded once for all batches that share it; undefined where bytes are not UTF-8. */
const decodedTexts = new WeakMap<Vector, (string | null | undefined)[]>();

function dictionaryTexts(data: Data, invalid: TextFault): CellReader<string | TextFault> {
  const dictionary = data.dictionary as Vector;
  let texts = decodedTexts.get(dictionary);
  if (texts === undefined) {
    texts = dictionary.data.flatMap((chunk) => {
      const read = textReader(chunk, invalid);
      return Array.from({ length: chunk.length }, (_, i) => {
        const text = read(i);
        return text === invalid ? undefined : (text as string | null);
      });
    });
    decodedTexts.set(dictionary, texts);
  }
  const known = texts;
  return (row) => {
    const text = known[Number(data.values[row])];
    return text === undefined ? invalid : text;
  };
}
