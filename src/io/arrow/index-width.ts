import { DataType, Dictionary, type Field, Int, Int32, Schema } from "apache-arrow";
import { columnBuilder } from "../columns/create-builder.js";
import { dataOf } from "../columns/data-of.js";
import { DictionaryBuilder } from "../columns/dictionary-builder.js";
import { FixedBuilder } from "../columns/flat-builder.js";
import { oneRun } from "../columns/runs.js";
import { withChildren } from "../schema/unify.js";
import { type ArrowContents, readDictionaries } from "./batches.js";

// A stream may replace a dictionary, and each of them fits the index type on its own. The outputs have one dictionary for
// all rows: a hundred batches with indices of 8 bits and 100 values of their own make 10,000 values.

/**
 * The schema of a file, where dictionary-encoded columns have the narrowest index type that can count the values of all
 * their dictionaries together, if their own type cannot. The dictionaries are read only where their lengths add up to
 * more than the type can count. Memory: the distinct values of such a dictionary.
 */
export async function widenIndices(contents: ArrowContents): Promise<Schema> {
  const { schema, found } = contents;
  const narrow = new Map<number, Dictionary>();
  visit(schema.fields, (type) => {
    if ((found.dictionaryValues.get(type.id) ?? 0) > capacityOf(type.indices)) narrow.set(type.id, type);
  });
  if (narrow.size === 0) return schema;
  const counters = new Map(Array.from(narrow, ([id, type]) => [id, new ValueCounter(type.dictionary)]));
  for await (const { id, dictionary } of readDictionaries(contents)) counters.get(id)?.add(dictionary);
  const fields = schema.fields.map((field) => widened(field, (id) => counters.get(id)?.count ?? 0));
  return new Schema(fields, schema.metadata);
}

/** Values that an index type can count. */
function capacityOf({ bitWidth, isSigned }: Int): number {
  return 2 ** (bitWidth - (isSigned ? 1 : 0));
}

function visit(fields: readonly Field[], use: (type: Dictionary) => void): void {
  for (const { type } of fields) {
    if (DataType.isDictionary(type)) use(type);
    else visit((type.children ?? []) as Field[], use);
  }
}

function widened(field: Field, valuesOf: (id: number) => number): Field {
  const { type } = field;
  if (DataType.isDictionary(type)) {
    let indices: Dictionary["indices"] = type.indices;
    while (valuesOf(type.id) > capacityOf(indices)) {
      indices = new Int(indices.isSigned, (2 * indices.bitWidth) as 32) as Dictionary["indices"];
    }
    if (indices === type.indices) return field;
    return field.clone({ type: new Dictionary(type.dictionary, indices, type.id, type.isOrdered) });
  }
  const children = (type.children ?? []) as Field[];
  const inner = children.map((child) => widened(child, valuesOf));
  return inner.every((child, i) => child === children[i]) ? field : field.clone({ type: withChildren(type, inner) });
}

/** Counts the distinct values of dictionaries as the writers will merge them. */
class ValueCounter {
  readonly #type: Dictionary;
  readonly #builder: DictionaryBuilder;

  constructor(values: DataType) {
    this.#type = new Dictionary(values, new Int32());
    this.#builder = new DictionaryBuilder(this.#type, new FixedBuilder(new Int32()), columnBuilder(values));
  }

  get count(): number {
    return this.#builder.dictionary?.length ?? 0;
  }

  add(dictionary: DictionaryBuilder["dictionary"]): void {
    if (dictionary === undefined || dictionary.length === 0) return;
    const row = dataOf({ type: this.#type, length: 1, nullCount: 0, values: Int32Array.of(0), dictionary });
    this.#builder.append(row, oneRun(0, 1));
  }
}
