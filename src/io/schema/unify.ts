import {
  Binary,
  DataType,
  type Date_,
  DateMillisecond,
  Decimal,
  Dictionary,
  Duration,
  Field,
  FixedSizeList,
  Float,
  type Int,
  Int8,
  Int16,
  Int32,
  Int64,
  List,
  Map_,
  Schema,
  Struct,
  type Time,
  TimeMicrosecond,
  TimeMillisecond,
  TimeNanosecond,
  Uint8,
  Uint16,
  Uint32,
  Uint64,
  Union,
  Utf8,
  util,
} from "apache-arrow";
import { InputError } from "../../errors.js";
import { isStringType } from "../columns/strings.js";
import { isJsonField, JSON_KEY } from "../jsonl/json-text.js";
import { unifyTimestamps } from "./surveyed-timestamp.js";

/**
 * Receives the path and both types of each column whose types have no lossless common type, and may return the type
 * that the column shall have. Otherwise the column becomes JSON text.
 */
export type OnConflict = (column: string, left: DataType, right: DataType) => DataType | undefined;

/**
 * One schema that holds the columns of all: fields by name in the order first seen, their types the narrowest that
 * holds every value of each exactly. Integers widen; integers up to 32 bits and floats meet in float64; null yields to
 * anything; strings meet in utf8; structs, lists and maps merge member by member; dictionary-encoded columns of several
 * files, whose dictionaries differ, become plain; timestamps, times and durations take the finer unit, decimals of one
 * scale the wider precision. Everything else becomes JSON text: utf8 with the field metadata `bge-dedup:json` = `true`.
 * A column that some schema lacks is nullable. Metadata stay where they are equal. Dictionaries get ids of their own.
 * @throws InputError where one schema has two columns, or one struct two fields, of the same name
 */
export function unifySchemas(schemas: readonly Schema[], onConflict: OnConflict = () => undefined): Schema {
  const [first = new Schema([]), ...rest] = schemas;
  for (const { fields } of schemas) {
    const duplicate = duplicateName(fields);
    if (duplicate !== undefined) throw new InputError(duplicate);
  }
  const fields = rest.reduce((merged, { fields }) => unifyFields(merged, fields, onConflict), first.fields as Field[]);
  const metadata = rest.reduce((merged, schema) => common(merged, schema.metadata), first.metadata);
  return new Schema(
    fields.map((field) => ownDictionaries(field)),
    metadata,
  );
}

/**
 * Gives every dictionary in a field a new id, because fields of several files may use the same ids. The ids come from
 * `nextId`; where it returns null, the default, apache-arrow chooses one that is new in this process.
 */
export function ownDictionaries(field: Field, nextId: () => number | null = () => null): Field {
  const { type } = field;
  if (DataType.isDictionary(type)) {
    return field.clone({ type: new Dictionary(type.dictionary, type.indices, nextId(), type.isOrdered) });
  }
  const children = (type.children ?? []) as Field[];
  if (children.length === 0) return field;
  return field.clone({
    type: withChildren(
      type,
      children.map((child) => ownDictionaries(child, nextId)),
    ),
  });
}

/** A nested type like `type` with other children. */
export function withChildren(type: DataType, children: Field[]): DataType {
  if (DataType.isStruct(type)) return new Struct(children);
  if (DataType.isFixedSizeList(type)) return new FixedSizeList(type.listSize, children[0]);
  if (DataType.isMap(type)) return mapOf(children[0], type.keysSorted);
  if (DataType.isUnion(type)) return new Union((type as Union).mode, Array.from((type as Union).typeIds), children);
  const Nested = type.constructor as new (child: Field) => DataType;
  return new Nested(children[0]);
}

/**
 * The map type over a struct of keys and values. apache-arrow's declaration asks that the two fields be named `key` and
 * `value`; the format leaves the names to the writer.
 */
export function mapOf(entries: Field, keysSorted: boolean): Map_ {
  return new Map_(entries as Field<Struct<{ key: DataType; value: DataType }>>, keysSorted);
}

/**
 * Says which two fields have the same name, and so cannot be told apart, at any depth; undefined where all differ.
 * @param path of the struct that holds the fields; empty for the columns themselves
 */
export function duplicateName(fields: readonly Field[], path = ""): string | undefined {
  const names = new Set<string>();
  for (const { name, type } of fields) {
    if (names.has(name)) {
      const where = path === "" ? "two columns" : `column ${JSON.stringify(path)} has two fields that`;
      return `${where} are named ${JSON.stringify(name)}: rename one of them`;
    }
    names.add(name);
    const inside = duplicateInside(type, path === "" ? name : `${path}.${name}`);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

// Only structs have fields that are found by name; keys and values of maps and members of unions have a position.
function duplicateInside(type: DataType, path: string): string | undefined {
  if (DataType.isDictionary(type)) return duplicateInside(type.dictionary, path);
  if (DataType.isStruct(type)) return duplicateName(type.children, path);
  const children = (DataType.isMap(type) ? type.children[0].type.children : (type.children ?? [])) as Field[];
  for (const child of children) {
    const inside = duplicateInside(child.type, path);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function unifyFields(left: readonly Field[], right: readonly Field[], onConflict: OnConflict, path = ""): Field[] {
  const byName = new Map(right.map((field) => [field.name, field]));
  const fields = left.map((field) => {
    const other = byName.get(field.name);
    byName.delete(field.name);
    return other === undefined
      ? field.clone({ nullable: true })
      : unifyField(field, other, onConflict, path + field.name);
  });
  return [...fields, ...Array.from(byName.values(), (field) => field.clone({ nullable: true }))];
}

function unifyField(left: Field, right: Field, onConflict: OnConflict, path: string): Field {
  const nullable = left.nullable || right.nullable;
  const metadata = common(left.metadata, right.metadata);
  const leftNull = DataType.isNull(left.type);
  if (leftNull || DataType.isNull(right.type)) return (leftNull ? right : left).clone({ nullable: true });
  const json = isJsonField(left) || isJsonField(right);
  const { type: a } = left;
  const { type: b } = right;
  const type = json ? undefined : (unifyTypes(a, b, onConflict, path) ?? onConflict(path, a, b));
  if (type !== undefined) return new Field(left.name, type, nullable, metadata);
  return new Field(left.name, new Utf8(), nullable, metadata.set(JSON_KEY, "true"));
}

function unifyTypes(a: DataType, b: DataType, onConflict: OnConflict, path: string): DataType | undefined {
  if (DataType.isTimestamp(a) && DataType.isTimestamp(b)) return unifyTimestamps(a, b);
  if (sameType(a, b)) return a;
  if (DataType.isDictionary(a)) return unifyTypes(a.dictionary, b, onConflict, path);
  if (DataType.isDictionary(b)) return unifyTypes(a, b.dictionary, onConflict, path);
  if (DataType.isInt(a) && DataType.isInt(b)) return unifyInts(a, b);
  if (isNumber(a) && isNumber(b)) return unifyNumbers(a, b);
  if (isStringType(a) && isStringType(b)) return new Utf8();
  if (isBinary(a) && isBinary(b)) return new Binary();
  if (DataType.isStruct(a) && DataType.isStruct(b)) {
    return new Struct(unifyFields(a.children, b.children, onConflict, `${path}.`));
  }
  if (DataType.isMap(a) && DataType.isMap(b)) return unifyMaps(a, b, onConflict, path);
  if (isList(a) && isList(b)) {
    const item = unifyField(a.children[0], b.children[0], onConflict, `${path}[]`);
    if (DataType.isFixedSizeList(a) && DataType.isFixedSizeList(b) && a.listSize === b.listSize)
      return withChildren(a, [item]);
    return DataType.isLargeList(a) && DataType.isLargeList(b) ? withChildren(a, [item]) : new List(item);
  }
  return unifyTimes(a, b);
}

// apache-arrow takes all decimals for the same type, and does not say their width.
function sameType(a: DataType, b: DataType): boolean {
  if (DataType.isDictionary(a) || (a.children ?? []).length > 0) return false;
  if (DataType.isDecimal(a) && DataType.isDecimal(b) && a.bitWidth !== b.bitWidth) return false;
  return util.compareTypes(a, b) && String(a) === String(b);
}

function unifyInts(a: Int, b: Int): Int | undefined {
  const signed = a.isSigned || b.isSigned;
  let width = Math.max(a.bitWidth, b.bitWidth);
  // An unsigned integer needs one bit more where negative ones join it.
  if (signed && [a, b].some((type) => !type.isSigned && type.bitWidth === width)) width *= 2;
  const types = signed ? [Int8, Int16, Int32, Int64] : [Uint8, Uint16, Uint32, Uint64];
  const Type = types[Math.log2(width) - 3];
  return Type === undefined ? undefined : (new Type() as Int);
}

function unifyNumbers(a: DataType, b: DataType): DataType | undefined {
  for (const type of [a, b]) if (DataType.isInt(type) && type.bitWidth > 32) return undefined;
  if (DataType.isFloat(a) && DataType.isFloat(b)) return a.precision > b.precision ? a : b;
  return new Float(2);
}

function unifyMaps(a: Map_, b: Map_, onConflict: OnConflict, path: string): DataType | undefined {
  const [leftKey, leftValue] = a.children[0].type.children as Field[];
  const [rightKey, rightValue] = b.children[0].type.children as Field[];
  const key = unifyTypes(leftKey.type, rightKey.type, onConflict, path);
  if (key === undefined) return undefined;
  const value = unifyField(leftValue, rightValue, onConflict, `${path}{}`);
  const entries = new Struct([new Field(leftKey.name, key, false), value]);
  return mapOf(new Field(a.children[0].name, entries, false), a.keysSorted && b.keysSorted);
}

function unifyTimes(a: DataType, b: DataType): DataType | undefined {
  if (DataType.isDuration(a) && DataType.isDuration(b)) return new Duration(Math.max(a.unit, b.unit));
  if (DataType.isTime(a) && DataType.isTime(b)) {
    const finer = Math.max(a.unit, b.unit);
    return [a as Time, new TimeMillisecond(), new TimeMicrosecond(), new TimeNanosecond()][finer];
  }
  if (DataType.isDate(a) && DataType.isDate(b)) return new DateMillisecond() as Date_;
  if (DataType.isDecimal(a) && DataType.isDecimal(b) && a.scale === b.scale) {
    return new Decimal(a.scale, Math.max(a.precision, b.precision), Math.max(a.bitWidth, b.bitWidth));
  }
  return undefined;
}

function isNumber(type: DataType): boolean {
  return DataType.isInt(type) || DataType.isFloat(type);
}

function isBinary(type: DataType): boolean {
  return DataType.isBinary(type) || DataType.isLargeBinary(type) || DataType.isBinaryView(type);
}

function isList(type: DataType): boolean {
  return DataType.isList(type) || DataType.isLargeList(type) || DataType.isFixedSizeList(type);
}

function common(left: Map<string, string>, right: Map<string, string>): Map<string, string> {
  return new Map(Array.from(left).filter(([key, value]) => right.get(key) === value));
}
