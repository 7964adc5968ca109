import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type DataType,
  Field,
  List,
  makeBuilder,
  Schema,
  Struct,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
} from "apache-arrow";
import fc from "fast-check";
import { batchOf } from "../../src/io/columns/take.js";
import { buildRecordBatch } from "../../src/io/jsonl/columns.js";
import { parseJson } from "../../src/io/jsonl/numbers.js";
import { castBatch } from "../../src/io/schema/cast.js";
import { InferredFields, mergeInferredFields, observeFields } from "../../src/io/schema/infer.js";
import { inferredSchema } from "../../src/io/schema/infer-schema.js";
import { fieldPath } from "../../src/io/schema/path.js";
import { batchTexts, resolveTextColumns } from "../../src/io/schema/text-columns.js";
import { recordText } from "../../src/io/schema/text-fields.js";
import { unifySchemas } from "../../src/io/schema/unify.js";

type Value = string | number | null | Value[] | { [name: string]: Value };

/** Few names, so that records share them; some look like paths or positions. */
const NAME = fc.constantFrom("a", "b", "0", "a.b", "a[0]", "b[]");
const TEXT = fc.constantFrom("", "x", "天气", "\ud83d\ude00", "two\nlines");

/** Values of any shape, also of several shapes in one place, which become JSON text in a column. */
const { value: ANY } = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.oneof({ weight: 12, arbitrary: TEXT }, { weight: 1, arbitrary: fc.constantFrom(1, 2.5, null) }),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(NAME, tie("value"), { maxKeys: 3 }),
  ),
}));
const RECORD = fc.dictionary(NAME, ANY, { minKeys: 1, maxKeys: 4 }) as fc.Arbitrary<Record<string, Value>>;

const STEP = fc.oneof(
  NAME.map((name) => `.${name}`),
  fc.constantFrom("[]", "[0]", "[1]", "[-1]", "['a.b']", "['a[0]']"),
);
const PATH = fc.tuple(NAME, fc.array(STEP, { maxLength: 3 })).map(([first, steps]) => first + steps.join(""));

/**
 * The rule once more, by cutting strings: what a path finds from a value is a list of strings, or "fault". Written for
 * this test alone, with lists of results in place of joined texts.
 */
function naive(record: Record<string, Value>, path: string): string[] | "fault" {
  const present = (value: unknown) => value !== undefined && value !== null;
  const walk = (value: Value | undefined, rest: string): Value | undefined => {
    if (rest === "") return value;
    const [, all, position, quoted, key] = /^(\[\])|^\[(-?\d+)\]|^\['(.*?)'\]|^\.?([^.[]+)/.exec(rest) as unknown as (
      | string
      | undefined
    )[];
    const [whole] = /^\[\]|^\[-?\d+\]|^\['.*?'\]|^\.?[^.[]+/.exec(rest) as unknown as [string];
    const after = rest.slice(whole.length);
    if (Array.isArray(value)) {
      if (all !== undefined) {
        const found = value.map((item) => walk(item, after)).filter((item) => item !== undefined);
        return found.length === 0 && value.length > 0 ? undefined : found;
      }
      const index = position ?? key;
      if (index === undefined || !/^-?\d+$/.test(index)) return undefined;
      return walk(value[Number(index) < 0 ? value.length + Number(index) : Number(index)], after);
    }
    const name = quoted ?? key;
    if (name === undefined || typeof value !== "object" || value === null) return undefined;
    return Object.keys(value).includes(name) ? walk(value[name], after) : undefined;
  };
  const dotted = path.split(".").reduce<Value | undefined>((value, key) => {
    if (Array.isArray(value)) return /^-?\d+$/.test(key) ? value.at(Number(key)) : undefined;
    return typeof value === "object" && value !== null && Object.keys(value).includes(key) ? value[key] : undefined;
  }, record);
  const found = [record[path], dotted, walk(record, path)].find(present);
  const flat: string[] = [];
  const collect = (value: Value | undefined): boolean => {
    if (value === undefined || value === null) return true;
    if (Array.isArray(value)) return value.every(collect);
    if (typeof value !== "string") return false;
    flat.push(value);
    return true;
  };
  return collect(found) ? flat : "fault";
}

/** The records that a scan accepts for a path, and their texts. */
function accepted(records: readonly Record<string, Value>[], path: string) {
  const paths = [fieldPath(path)];
  return records.flatMap((record) => {
    const text = recordText(record, paths);
    return typeof text === "string" ? [{ record, text }] : [];
  });
}

test("records have the texts that a naive reading of the path finds", () => {
  fc.assert(
    fc.property(RECORD, PATH, (record, path) => {
      const found = naive(record, path);
      const text = recordText(record, [fieldPath(path)]);
      if (found === "fault") assert.ok(typeof text === "object" && text !== null, String(text));
      else assert.equal(text, found.length === 0 ? null : found.join("\n"));
    }),
    { numRuns: 3000 },
  );
});

test("the columns of the accepted records have the texts of the records", () => {
  let compared = 0;
  fc.assert(
    fc.property(fc.array(RECORD, { minLength: 1, maxLength: 8 }), PATH, fc.nat(8), (records, path, cut) => {
      const rows = accepted(records, path);
      if (rows.length === 0) return;
      compared++;
      // As two files would bring them: each has a schema of its own, and both are cast to the unified one.
      const parts = [rows.slice(0, cut), rows.slice(cut)].filter(({ length }) => length > 0);
      const batches = parts.map((part) => {
        const fields = new InferredFields();
        const parsed = part.map(({ record }) => parseJson(JSON.stringify(record)) as object);
        for (const record of parsed) observeFields(fields, record, true);
        return { fields, batch: buildRecordBatch(inferredSchema(fields), parsed) };
      });
      const schema = unifySchemas(batches.map(({ batch }) => batch.schema));
      const found = batches.flatMap(({ batch }) => textsOf(castBatch(batch, schema), path));
      assert.deepEqual(
        found,
        rows.map(({ text }) => text),
      );
      const merged = inferredSchema(batches.map(({ fields }) => fields).reduce(mergeInferredFields));
      const whole = buildRecordBatch(
        merged,
        rows.map(({ record }) => parseJson(JSON.stringify(record)) as object),
      );
      assert.deepEqual(textsOf(whole, path), found);
    }),
    { numRuns: 3000 },
  );
  assert.ok(compared > 300, `only ${compared} cases had a text`);
});

function textsOf(batch: Parameters<typeof batchTexts>[0], path: string): (string | null)[] {
  return batchTexts(batch, resolveTextColumns(batch.schema, [path], "t")).texts;
}

const item = (type: DataType) => new Field("item", type, true);
const MESSAGE = new Struct([
  new Field("role", new Utf8(), true),
  new Field("content", new List(item(new Utf8())), true),
]);
const CHAT = new Struct([new Field("messages", new List(item(MESSAGE)), true), new Field("title", new Utf8(), true)]);

/** Rows of one Arrow type with nulls at every level, as a writer of Arrow or Parquet has them. */
const STRING = fc.option(TEXT, { freq: 4 });
const CHATS = fc.array(
  fc.option(
    fc.record({
      messages: fc.option(
        fc.array(
          fc.option(fc.record({ role: STRING, content: fc.option(fc.array(STRING, { maxLength: 3 }), { freq: 4 }) }), {
            freq: 5,
          }),
          { maxLength: 4 },
        ),
        { freq: 5 },
      ),
      title: STRING,
    }),
    { freq: 8 },
  ),
  { minLength: 1, maxLength: 12 },
);
const CHAT_PATH = fc.constantFrom(
  ...[
    "messages[].content",
    "messages[].content[]",
    "messages[0].content[-1]",
    "messages[-1].content",
    "messages.1.role",
  ],
  ...["messages[].role", "messages[].content[0]", "title"],
);

test("the columns of an Arrow writer have the texts of the same rows as records, sliced too", () => {
  fc.assert(
    fc.property(CHATS, CHAT_PATH, fc.nat(12), (chats, path, start) => {
      const builder = makeBuilder({ type: CHAT, nullValues: [null] });
      for (const chat of chats) builder.append(chat as never);
      const table = tableFromIPC(tableToIPC(new Table({ chat: builder.finish().toVector() }), "file"));
      const [batch] = table.batches;
      const from = Math.min(start, chats.length - 1);
      const schema = new Schema([new Field("chat", CHAT, true)]);
      const sliced = batchOf(schema, [batch.data.children[0].slice(from, chats.length - from)], chats.length - from);
      const expected = chats.slice(from).map((chat) => recordText({ chat }, [fieldPath(`chat.${path}`)]));
      assert.deepEqual(textsOf(sliced, `chat.${path}`), expected);
    }),
    { numRuns: 1000 },
  );
});
