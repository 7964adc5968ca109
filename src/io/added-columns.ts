import { type Data, Field, Int64, Schema, Utf8 } from "apache-arrow";
import { UsageError } from "../errors.js";
import { dataOf } from "./columns/data-of.js";
import { nullData } from "./columns/null-data.js";
import { batchOf } from "./columns/take.js";
import { findColumn } from "./schema/column-paths.js";
import type { Source } from "./source.js";

/** What a partition folder of Hive and Spark is called where the column is null. */
const NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__";

/** An integer as a program writes it, small enough for float64 and so for every reader. */
const INTEGER = /^(0|-?[1-9][0-9]{0,14})$/;

/** A column that the inputs do not hold themselves: the value is the same in all rows of a file. */
interface AddedColumn {
  /** Int64 where all values are integers, else Utf8. */
  readonly field: Field;
  /** Value of each file; null where its path does not have one. */
  readonly values: readonly (string | null)[];
}

/**
 * The partitions in a path: `data/year=2024/lang=zh/part.parquet` has year 2024 and lang zh. Values are decoded as Hive
 * and Spark encode them.
 */
function partitionsOf(path: string): Map<string, string | null> {
  const partitions = new Map<string, string | null>();
  for (const folder of path.split(/[/\\]/).slice(0, -1)) {
    const [, name, value] = /^([^=]+)=(.*)$/.exec(folder) ?? [];
    if (name === undefined) continue;
    partitions.set(decoded(name), value === NULL_PARTITION ? null : decoded(value));
  }
  return partitions;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The inputs of a run, of which `sources` may be some. */
interface AllInputs {
  /** Column for the path, where one is asked for. */
  readonly sourceField?: string;
  /** Names of all files of the run; those of the sources if absent. They say which columns there are, and their types. */
  readonly names?: readonly string[];
  /** Number of the first source among all files. */
  readonly first?: number;
}

/**
 * Adds columns to sources: the partitions in their paths, and the path itself where `sourceField` names a column for it.
 * `sourcesSchema` puts them behind the columns of the files.
 * @param sources consecutive files of the run; `name` is the path
 */
export function withAddedColumns(
  sources: readonly Source[],
  { sourceField, names = sources.map(({ name }) => name), first = 0 }: AllInputs = {},
): readonly Source[] {
  const columns = addedColumns(names, sourceField);
  return columns.length === 0 ? sources : sources.map((_, at) => withColumns(sources, columns, first, at));
}

/** The names of the columns that partition folders in the paths of files add, unless the files hold them. */
export function partitionNames(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.flatMap((path) => [...partitionsOf(path).keys()]));
}

/** The fields of the columns that files with these paths add, unless the files hold them. */
export function addedFields(paths: readonly string[], sourceField?: string): readonly Field[] {
  return addedColumns(paths, sourceField).map(({ field }) => field);
}

/** The columns that all files together add. */
function addedColumns(paths: readonly string[], sourceField: string | undefined): AddedColumn[] {
  const partitions = paths.map(partitionsOf);
  const names = new Set(partitions.flatMap((each) => [...each.keys()]));
  const columns = Array.from(names, (name) => {
    const values = partitions.map((each) => each.get(name) ?? null);
    const integers = values.every((value) => value === null || INTEGER.test(value));
    return { field: new Field(name, integers ? new Int64() : new Utf8(), true), values };
  });
  if (sourceField !== undefined) {
    columns.push({ field: new Field(sourceField, new Utf8(), true), values: [...paths] });
  }
  return columns;
}

/**
 * The schema of files together with the columns that are added to them. A partition whose column the files hold
 * themselves is not added.
 * @param sourceField column that must be new
 * @throws UsageError where it is not
 */
export function addFields(schema: Schema, added: readonly Field[], sourceField?: string): Schema {
  const own = new Set(schema.fields.map(({ name }) => name));
  if (sourceField !== undefined && own.has(sourceField)) {
    throw new UsageError(`--source-field ${sourceField} is a column of the inputs already; choose another name`);
  }
  return new Schema([...schema.fields, ...added.filter(({ name }) => !own.has(name))], schema.metadata);
}

/** True where a file holds a column of this name itself. Files of records tell only once they have been scanned. */
export async function someHolds(sources: readonly Source[], name: string): Promise<boolean> {
  for (const source of sources) {
    const schema = await source.schema().catch(() => undefined);
    if (schema !== undefined && findColumn(schema, name) !== undefined) return true;
  }
  return false;
}

function withColumns(sources: readonly Source[], columns: readonly AddedColumn[], first: number, at: number): Source {
  const source = sources[at];
  const file = first + at;
  return {
    name: source.name,
    byteLength: source.byteLength,
    added: columns.map(({ field }) => field),
    get sha256() {
      return source.sha256;
    },
    get inferred() {
      return source.inferred;
    },
    schema: () => source.schema(),
    reread: (records) => source.reread(records),
    async *scan(options) {
      const order = columns.find(({ field }) => field.name === options.orderField);
      if (order === undefined || (await someHolds(sources, order.field.name))) yield* source.scan(options);
      else {
        // A numeral orders as its number does.
        const key = order.values[file];
        for await (const batch of source.scan({ ...options, orderField: undefined })) {
          yield { ...batch, order: batch.texts.map(() => key) };
        }
      }
    },
    async *read({ schema, rejected }) {
      // The fields are those that `addFields` has put into the schema, not columns of the same names in the files.
      const mine = columns.filter(({ field }) => schema.fields.includes(field));
      const own = schema.fields.filter((field) => mine.every((column) => column.field !== field));
      const options = { schema: new Schema(own, schema.metadata), rejected };
      for await (const { records, columns: batch, bytesRead } of source.read(options)) {
        const added = mine.map(({ field, values }) => constant(field, values[file], batch.numRows));
        yield { records, columns: batchOf(schema, [...batch.data.children, ...added], batch.numRows), bytesRead };
      }
    },
  };
}

/** A column of one value in every row. */
function constant({ type }: Field, value: string | null, length: number): Data {
  if (value === null) return nullData(type, length);
  if (type instanceof Int64) return dataOf({ type, length, values: new BigInt64Array(length).fill(BigInt(value)) });
  const bytes = Buffer.from(value);
  const valueOffsets = Int32Array.from({ length: length + 1 }, (_, i) => i * bytes.length);
  return dataOf({ type, length, valueOffsets, values: Buffer.alloc(length * bytes.length, bytes) });
}
