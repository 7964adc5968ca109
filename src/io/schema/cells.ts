import { type Data, DataType, type RecordBatch, type Vector } from "apache-arrow";
import { isValid } from "../columns/layout.js";
import { elementsOf } from "../columns/lists.js";
import { stringReader } from "../columns/strings.js";
import { parseJson } from "../jsonl/numbers.js";
import type { ColumnStep, ColumnWay } from "./column-paths.js";
import { valueAfter } from "./text-fields.js";

/** Reads a row of a column; null where it has nothing. */
export type CellReader<T> = (row: number) => T | null;

/** What is read at the end of a way. */
export interface Leaf<T> {
  /** Reads the rows of the column at the end; nulls of that column give null. */
  readonly column: (data: Data) => CellReader<T>;
  /** Reads a value in a JSON text; undefined where the text has none. */
  readonly value: (value: unknown) => T | null;
  /** Joins what two elements of a list have, where a way takes all. */
  readonly join: (before: T, next: T) => T;
}

/** Reads, for each row of a batch, what lies at the end of a way. A null on the way is a null. */
export function cellReader<T>(batch: RecordBatch, { top, steps }: ColumnWay, leaf: Leaf<T>): CellReader<T> {
  return stepReader(batch.data.children[top], steps, 0, leaf);
}

function stepReader<T>(data: Data, steps: readonly ColumnStep[], i: number, leaf: Leaf<T>): CellReader<T> {
  if (i === steps.length) return leaf.column(data);
  const inner = valueReader(data, steps, i, leaf);
  return data.nullCount === 0 ? inner : (row) => (isValid(data, row) ? inner(row) : null);
}

/** As `stepReader`, for rows that are known to hold a value. */
function valueReader<T>(data: Data, steps: readonly ColumnStep[], i: number, leaf: Leaf<T>): CellReader<T> {
  if (DataType.isDictionary(data.type)) return dictionaryReader(data, (chunk) => stepReader(chunk, steps, i, leaf));
  const step = steps[i];
  switch (step.kind) {
    case "none":
      return () => null;
    case "child":
      return stepReader(data.children[step.index], steps, i + 1, leaf);
    case "json": {
      const text = stringReader(data);
      return (row) => leaf.value(valueAfter(parseJson(text(row)), step.steps));
    }
    case "entry":
      return entryReader(data, step.key, (values) => stepReader(values, steps, i + 1, leaf));
    case "at": {
      const { elements, start } = elementsOf(data);
      const read = stepReader(elements, steps, i + 1, leaf);
      const { position } = step;
      return (row) => {
        const at = position < 0 ? start(row + 1) + position : start(row) + position;
        return at >= start(row) && at < start(row + 1) ? read(at) : null;
      };
    }
    case "all": {
      const { elements, start } = elementsOf(data);
      const read = stepReader(elements, steps, i + 1, leaf);
      return (row) => {
        let all: T | null = null;
        for (let at = start(row), end = start(row + 1); at < end; at++) {
          const cell = read(at);
          if (cell !== null) all = all === null ? cell : leaf.join(all, cell);
        }
        return all;
      };
    }
  }
}

/** Reads the values of a dictionary by `open`, which is called once for each chunk of the dictionary. */
export function dictionaryReader<T>(data: Data, open: (chunk: Data) => CellReader<T>): CellReader<T> {
  const chunks = (data.dictionary as Vector).data;
  const readers = chunks.map(open);
  return (row) => {
    let at = Number(data.values[row]);
    let chunk = 0;
    while (at >= chunks[chunk].length) at -= chunks[chunk++].length;
    return readers[chunk](at);
  };
}

/** Reads the values of a key of maps; the last one of a key that occurs twice, as in JSON. */
function entryReader<T>(data: Data, key: string, open: (values: Data) => CellReader<T>): CellReader<T> {
  const { elements, start } = elementsOf(data);
  const [keys, values] = elements.children;
  const name = DataType.isDictionary(keys.type) ? dictionaryReader(keys, stringReader) : stringReader(keys);
  const read = open(values);
  return (row) => {
    for (let at = start(row + 1) - 1; at >= start(row); at--) if (name(at) === key) return read(at);
    return null;
  };
}
