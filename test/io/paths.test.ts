import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openJsonl } from "../../src/io/jsonl/jsonl.js";
import { fieldPath, formatPath } from "../../src/io/schema/path.js";
import type { Source } from "../../src/io/source.js";
import { allTexts, goldenFile, inFolder, openGolden, scanRejects } from "./golden.js";

/** What each path finds in the rows of paths.parquet, paths.arrow and paths.jsonl; see `paths` in files/make.py. */
const TEXTS: Readonly<Record<string, readonly (string | null)[]>> = {
  "messages[0].content": ["你好", "alone", null, null, null, "s"],
  "messages.0.content": ["你好", "alone", null, null, null, "s"],
  "messages[-1].content": ["hi 😀", "alone", null, null, "", "a"],
  "messages.-1.content": ["hi 😀", "alone", null, null, "", "a"],
  "messages[1].role": ["assistant", null, null, null, "user", "user"],
  "messages[-3].content": [null, null, null, null, null, "s"],
  "messages[7].content": [null, null, null, null, null, null],
  "messages[].content": ["你好\nhi 😀", "alone", null, null, "", "s\nu\na"],
  tags: ["x\ny", "", null, null, null, "one"],
  "tags[]": ["x\ny", "", null, null, null, "one"],
  // A column has this very name. Where it is null, the list counts.
  "tags[0]": ["own", "", null, "own", null, "one"],
  "tags.1": ["y", null, null, null, null, null],
  "tags.[-1]": ["y", null, null, null, null, "one"],
  grid: ["p\nq\nr", "s", null, null, null, "t\nu"],
  "grid[]": ["p\nq\nr", "s", null, null, null, "t\nu"],
  "grid[][]": ["p\nq\nr", "s", null, null, null, "t\nu"],
  "grid[0]": ["p\nq", null, null, null, null, "t"],
  "grid[0][1]": ["q", null, null, null, null, null],
  "grid[][-1]": ["q\nr", "s", null, null, null, "t\nu"],
  "grid[-1][0]": ["r", "s", null, null, null, "u"],
  "deep[].b[].c": ["1\n2\n3", null, null, null, null, null],
  "deep[0].b[1].c": ["2", null, null, null, null, null],
  "deep.-1.b.0.c": ["3", null, null, null, null, null],
  "meta.title": ["t0", "t1", "t2", "t3", "t4", null],
  "meta['dc.title']": ["d0", "d1", "d2", "d3", "d4", null],
  'meta["dc.title"]': ["d0", "d1", "d2", "d3", "d4", null],
  "['meta'].tags": [null, "g1\nz", null, "g3\nz", null, null],
  "meta.tags[-1]": [null, "z", null, "z", null, null],
  "attributes.k": ["v", null, null, null, "1", null],
  "attributes.l": [null, null, null, null, null, "w"],
  "attributes['j']": [null, null, null, null, "2", null],
  pair: ["a\nb", "c", null, "d", "e\nf", null],
  "pair[1]": ["b", null, null, "d", "f", null],
};

function openTwin(name: string, path = goldenFile(name)): Promise<Source> {
  return openJsonl({ path, name });
}

describe("a path finds the same texts in JSON lines, Parquet and Arrow", () => {
  const open = {
    jsonl: () => openTwin("paths.jsonl"),
    parquet: () => openGolden("paths.parquet"),
    arrow: () => openGolden("paths.arrow"),
  };
  for (const [path, texts] of Object.entries(TEXTS)) {
    test(path, async () => {
      for (const [format, source] of Object.entries(open)) {
        assert.deepEqual(await allTexts(await source(), [path]), texts, format);
      }
    });
  }

  test("several paths are joined, and a row without any string is a reject with its reason", async () => {
    for (const [format, source] of Object.entries(open)) {
      const fields = ["meta.title", "messages[].content"];
      const texts = await allTexts(await source(), fields);
      assert.deepEqual(texts, ["t0\n你好\nhi 😀", "t1\nalone", "t2", "t3", "t4\n", "s\nu\na"], format);
      const { rejects } = await scanRejects(await source(), ["deep[].b[].c"]);
      assert.deepEqual(
        rejects.map(({ record }) => record),
        [1, 2, 3, 4, 5],
        format,
      );
      for (const { error } of rejects) assert.match(error, /text field "deep\[\]\.b\[\]\.c" is /, format);
    }
  });
});

test("every type of text and bytes is text, in lists too", async () => {
  const source = await openGolden("path-types.arrow");
  const words = ["天气\nb", null, null, "longer than twelve bytes", "b", "天气"];
  const bytes = ["bytes", "天气", null, null, "half \ufffd", "longer than twelve bytes"];
  const expected = {
    "large[].content": words,
    "large[-1].content": ["b", null, null, "longer than twelve bytes", "b", "天气"],
    views: words,
    coded: ["天气", "b", "天气", null, null, "b"],
    "coded_lists[]": ["天气\nb", null, "天气", null, null, "b"],
    binary: bytes,
    large_binary: bytes,
    binary_view: bytes,
    coded_binary: bytes,
    fixed: ["abc", "天", null, null, "天", "xyz"],
    binaries: ["bytes\n天气", null, null, null, "half \ufffd\nlonger than twelve bytes", null],
  };
  for (const [path, texts] of Object.entries(expected)) {
    assert.deepEqual(await allTexts(source, [path]), texts, path);
  }
  for (const path of ["binary", "large_binary", "binary_view", "coded_binary", "fixed"]) {
    const { rejects } = await scanRejects(source, [path]);
    assert.deepEqual(
      rejects.map(({ line, error }) => [line, error]),
      [
        [3, `text field "${path}" is null`],
        [4, `text field "${path}" is not valid UTF-8`],
      ],
      path,
    );
  }
  const { rejects } = await scanRejects(source, ["binaries"]);
  assert.equal(rejects[0].error, 'text field "binaries" is not valid UTF-8');
});

describe("a wrong path", () => {
  const strings = ["messages\\[\\]\\.role", "messages\\[\\]\\.content", "tags\\[\\]", "grid\\[\\]\\[\\]"].map(
    (path) => `"${path}"[^;]*`,
  );
  const listed = new RegExp(
    `the fields are [^;]*${strings.join("")}"deep\\[\\]\\.b\\[\\]\\.c".*"meta\\['dc\\.title'\\]"`,
  );
  const refused = async (path: string): Promise<string> => {
    let message = "";
    for (const name of ["paths.parquet", "paths.arrow"]) {
      await assert.rejects(
        async () => allTexts(await openGolden(name), [path]),
        (error: Error & { exitCode?: number }) => {
          assert.equal(error.exitCode, 3);
          assert.match(error.message, listed);
          message = error.message;
          return true;
        },
      );
    }
    return message;
  };

  test("lists the paths down to the strings", async () => {
    assert.match(await refused("zzz"), /^paths\.arrow: no field "zzz"; the fields are "text" \(Utf8\)/);
  });

  test("to a list of objects or an object says what to write", async () => {
    assert.match(
      await refused("messages"),
      /"messages" is List<Struct<.*, expected a string; write -t 'messages\[\]\.content'/,
    );
    assert.match(await refused("messages[0]"), /write -t/);
    assert.match(await refused("meta"), /"meta" is Struct<.*; write -t meta\.title; /);
    assert.match(await refused("attributes"), /write -t attributes\.KEY; /);
  });

  test("that is nearly right brings the right one", async () => {
    for (const path of ["messages.content", "message[].content", "messages[].contnet", "content", "mesages"]) {
      assert.match(await refused(path), /no field .*; did you mean -t 'messages\[\]\.content'\?/, path);
    }
    assert.match(await refused("meta.titel"), /did you mean -t meta\.title\?/);
    assert.match(await refused("meta.dc.title"), /did you mean -t "meta\['dc\.title'\]"\?/);
  });
});

test("what a path says is found again by the path that an error lists", () => {
  for (const [path, formatted] of [
    ["a.b", "a.b"],
    ["a.b[0][-1][].c", "a.b[0][-1][].c"],
    ["a['b.c'].d", "a['b.c'].d"],
    ['["a.b"][]', "['a.b'][]"],
    ["x['it\\'s [0] \\\\']", "x['it\\'s [0] \\\\']"],
    ["['']['y']", "[''].y"],
  ]) {
    const steps = fieldPath(path).ways.at(-1) ?? [];
    assert.equal(formatPath(steps), formatted);
    assert.deepEqual(fieldPath(formatted).ways.at(-1), steps);
  }
  // Brackets that are no step belong to a name, as before there were steps.
  for (const name of ["a[x]", "a[0", "a]", "a[0]b", "["]) {
    assert.deepEqual(fieldPath(`meta.${name}`).ways[1], [
      { kind: "key", key: "meta" },
      { kind: "key", key: name },
    ]);
  }
});

test("values that are no strings are rejects, with the record's own fields", async () => {
  const lines = [
    { messages: [{ content: 5 }] },
    { messages: [{ content: [{ type: "text", text: "part" }] }] },
    { messages: [{ role: "user" }], id: 1 },
    { messages: [{ content: ["a", null, ["b"]] }] },
    { messages: "x" },
  ];
  await inFolder(async (folder) => {
    const path = join(folder, "t.jsonl");
    await writeFile(
      path,
      `${lines.map((line) => JSON.stringify(line)).join("\n")}\n{"messages":[{"content":"\\ud800"}]}\n`,
    );
    const source = await openTwin("t.jsonl", path);
    assert.deepEqual(await allTexts(source, ["messages[].content"]), [null, null, null, "a\nb", null, null]);
    const { rejects } = await scanRejects(source, ["messages[].content"]);
    assert.deepEqual(
      rejects.map(({ error }) => error),
      [
        'text field "messages[].content" holds a list with the number 5, expected strings',
        'text field "messages[].content" holds a list with an object, expected strings',
        'text field "messages[].content" is missing; the fields are "messages[].role", "id"',
        'text field "messages[].content" is missing; the fields are "messages"',
        'text field "messages[].content" holds a lone surrogate, expected valid Unicode',
      ],
    );
  });
});

test("brackets that are followed by more than a dot or a bracket belong to a name", () => {
  for (const name of ["a[0]b", "a[]b[0]", "a['x']y"]) {
    assert.deepEqual(fieldPath(name), { name, ways: [[{ kind: "key", key: name }]] });
  }
});
