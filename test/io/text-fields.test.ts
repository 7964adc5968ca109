import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldPath } from "../../src/io/schema/path.js";
import { RecordFields } from "../../src/io/schema/record-fields.js";
import { hasLoneSurrogate, valueAt } from "../../src/io/schema/text-fields.js";

function textOf(record: object, ...names: string[]) {
  return new RecordFields({ textFields: names }).text(record, 0);
}

test("an own field of the exact name comes before nested objects", () => {
  assert.equal(textOf({ "a.b": "flat", a: { b: "nested" } }, "a.b"), "flat");
  assert.equal(textOf({ a: { b: { c: "deep" } } }, "a.b.c"), "deep");
  assert.equal(textOf({ "a.b": null, a: { b: "nested" } }, "a.b"), "nested");
  assert.deepEqual(textOf({ "a.b": null, a: { c: "other" } }, "a.b"), {
    error: 'text field "a.b" is null; the fields are "a.c", "a.b"',
  });
});

test("what an object inherits is no field", () => {
  for (const name of [
    "constructor",
    "toString",
    "__proto__",
    "constructor.name",
    "text.length",
    "list.length",
    "list.1",
    "list.map",
  ]) {
    assert.equal(valueAt({ text: "abc", list: ["x"] }, fieldPath(name)), undefined, name);
  }
  assert.equal(textOf(JSON.parse('{"__proto__":{"constructor":"own"}}'), "__proto__.constructor"), "own");
});

test("several fields are joined by a newline, those missing or null left out", () => {
  assert.equal(textOf({ title: "t", body: "b" }, "title", "body"), "t\nb");
  assert.equal(textOf({ title: null, body: "b" }, "title", "body", "foot"), "b");
  assert.equal(textOf({ title: "", body: "" }, "title", "body"), "\n");
  assert.equal(textOf({ text: "" }, "text"), "");
});

test("a record without text is refused with the fields there are", () => {
  assert.deepEqual(textOf({ title: "t", id: 1 }, "text"), {
    error: 'text field "text" is missing; the fields are "title", "id"',
  });
  assert.deepEqual(textOf({}, "text"), { error: 'text field "text" is missing; the record has no fields' });
  assert.deepEqual(textOf({ a: null }, "a", "b"), {
    error: 'text fields "a", "b" are missing or null; the fields are "a"',
  });
  const many = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`f${i}`, 0]));
  assert.match((textOf(many, "text") as { error: string }).error, /"f19" and 5 more$/);
});

test("a text that is no string is refused, also beside one that is", () => {
  for (const [value, kind] of [
    [5, "the number 5"],
    [12345678901234567890n, "the number 12345678901234567890"],
    [false, "the boolean false"],
    [{}, "an object"],
  ]) {
    const error = `text field "b" holds ${kind}, expected a string`;
    assert.deepEqual(textOf({ a: "x", b: value }, "a", "b"), { error });
  }
});

test("half of a surrogate pair is no text", () => {
  for (const text of ["\ud83d", "x\ude00y", "\ude00\ud83d", "😀\ud83d"]) {
    assert.ok(hasLoneSurrogate(text));
    assert.deepEqual(textOf({ text }, "text"), {
      error: 'text field "text" holds a lone surrogate, expected valid Unicode',
    });
  }
  assert.equal(textOf({ text: "😀" }, "text"), "😀");
});
