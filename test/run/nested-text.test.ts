import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import {
  Binary,
  type DataType,
  Field,
  Int32,
  List,
  makeBuilder,
  type RecordBatch,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  type Vector,
} from "apache-arrow";
import { InputError } from "../../src/errors.js";
import { openArrow } from "../../src/io/arrow/arrow.js";
import { openParquetWriter } from "../../src/io/parquet/write.js";
import { runCluster } from "../../src/run/cluster.js";
import { writeTable } from "../io/golden.js";
import { dedup, dedupOptions, numbers, readTable, silent, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const path = (name: string) => join(folder, name);

const QUESTIONS = [
  "How do I reset my password?",
  "Where is my order?",
  "退款多久到账，需要几天",
  "Cats and dogs live together",
];
/** Chats whose users ask the same with another mark at the end; some are damaged. */
const CHATS = [
  ...Array.from({ length: 60 }, (_, i) => ({
    id: i,
    scores: [i % 7, (i * 31) % 60],
    messages: [
      { role: "system", content: "You are a helper" },
      { role: "user", content: QUESTIONS[i % 4] + (i < 30 ? "" : " ?") },
      { role: "assistant", content: i % 5 === 0 ? null : `answer ${i % 4}` },
    ],
  })),
  { id: 60, scores: [], messages: [{ role: "system", content: "alone" }] },
  { id: 61, scores: null, messages: [] },
  { id: 62, scores: [1], messages: null },
];

const item = (type: DataType) => new Field("item", type, true);
const MESSAGE = new Struct([new Field("role", new Utf8(), true), new Field("content", new Utf8(), true)]);

function column(type: DataType, rows: readonly unknown[]): Vector {
  const builder = makeBuilder({ type, nullValues: [null] });
  for (const row of rows) builder.append(row as never);
  return builder.finish().toVector();
}

function writeArrow(name: string, columns: Record<string, Vector>): string {
  writeFileSync(path(name), tableToIPC(new Table(columns), "file"));
  return path(name);
}

/** The same rows as an Arrow file, written as Parquet. */
async function writeParquet(name: string, arrow: string): Promise<string> {
  const source = await openArrow({ path: arrow, name: arrow });
  const schema = await source.schema();
  const batches: RecordBatch[] = [];
  for await (const { columns } of source.read({ schema })) batches.push(columns);
  await writeTable(openParquetWriter, path(name), schema, batches);
  return path(name);
}

/** The chats as JSON lines, Arrow and Parquet. */
async function chatFiles(): Promise<string[]> {
  const jsonl = writeJsonl(path("chat.jsonl"), CHATS);
  const arrow = writeArrow("chat.arrow", {
    id: column(
      new Int32(),
      CHATS.map(({ id }) => id),
    ),
    scores: column(
      new List(item(new Int32())),
      CHATS.map(({ scores }) => scores),
    ),
    messages: column(
      new List(item(MESSAGE)),
      CHATS.map(({ messages }) => messages),
    ),
  });
  return [jsonl, arrow, await writeParquet("chat.parquet", arrow)];
}

/** Clusters rows: the key terms of all clusters, and the texts nearest to their centroids. */
async function clustered(folder: string, from: string, textFields: string[], k = 3) {
  const { keep: _, guards: __, formats: ___, ...shared } = dedupOptions([from], folder, { textFields });
  const options = {
    ...shared,
    k,
    strictK: false,
    iterations: 20,
    tolerance: 1e-4,
    labels: 3,
    starts: 1,
    spherical: false,
  };
  const { largest } = await runCluster(options, { reporter: silent, stdin: Readable.from([]) });
  return {
    terms: largest.flatMap(({ label }) => label),
    texts: largest.flatMap(({ representatives }) => representatives.map(({ text }) => text)),
  };
}

describe("text inside chats", () => {
  for (const [name, textFields] of [
    ["all messages", ["messages[].content"]],
    ["the user's message", ["messages[1].content"]],
    ["the last message and the first", ["messages[-1].content", "messages.0.content"]],
  ] as const) {
    it(`${name}: the same decisions from every format, proved and labelled from kept.arrow`, async () => {
      const decisions: unknown[] = [];
      for (const input of await chatFiles()) {
        const out = `${input}.${textFields.length}.${textFields[0]}.out`;
        const { counts } = await dedup([input], out, {
          textFields,
          guards: { numbers: true, negation: true, names: false },
          keep: "max:scores[-1]",
        });
        assert.equal(counts.kept + counts.removed + counts.rejected, CHATS.length);
        assert.ok(counts.removed > 0 && counts.rejected >= 2, JSON.stringify(counts));
        const { violation, checked } = await verify(out);
        assert.equal(violation, undefined);
        assert.equal(checked.kept, counts.kept);
        const [kept, removed] = [readTable(out, "kept.arrow"), readTable(out, "removed.arrow")];
        decisions.push([numbers(kept, "_row"), numbers(removed, "_row"), numbers(removed, "_kept_row")]);
        const known = /dogs|退款|order|answer/;
        const raw = await clustered(`${out}.raw`, input, [...textFields]);
        assert.ok(
          raw.terms.some((term) => known.test(term)),
          String(raw.terms),
        );
        // The few rows that are kept are too few for terms; their texts show that they were found.
        const after = await clustered(out, out, ["text"]);
        assert.ok(
          after.texts.some((text) => known.test(text ?? "")),
          String(after.texts),
        );
      }
      assert.deepEqual(decisions[1], decisions[0]);
      assert.deepEqual(decisions[2], decisions[0]);
    });
  }

  it("the row with the greatest last score stays, and another order is no proof", async () => {
    const [input] = await chatFiles();
    const out = path("keep");
    await dedup([input], out, { textFields: ["messages[1].content"], keep: "max:scores[-1]" });
    const score = (row: number) => CHATS[row].scores?.at(-1) ?? -1;
    const removed = readTable(out, "removed.arrow");
    for (const [i, row] of numbers(removed, "_row").entries()) {
      assert.ok(score(numbers(removed, "_kept_row")[i]) >= score(row), `row ${row}`);
    }
    const manifest = path("keep/manifest.json");
    writeFileSync(manifest, readFileSync(manifest, "utf8").replace("max:scores[-1]", "min:scores[-1]"));
    assert.match(String((await verify(out)).violation), /keep|order|preced|min:scores/);
  });

  it("mixed strings and lists of strings are read again from a column of JSON texts", async () => {
    const texts = [
      "one text",
      ["one", "text"],
      ["two", null, ["parts"]],
      "two parts",
      "two\nparts",
      { no: "text" },
      "one\ntext",
    ];
    const input = writeJsonl(
      path("mixed.jsonl"),
      texts.map((text) => ({ text, meta: [text, { text }] })),
    );
    for (const field of ["text", "meta[0]", "meta[1].text"]) {
      const out = path(`mixed-${field}`);
      const { counts } = await dedup([input], out, {
        textFields: [field],
        guards: { numbers: true, negation: false, names: false },
      });
      assert.deepEqual([counts.read, counts.rejected, counts.kept, counts.removed], [7, 1, 2, 4]);
      assert.equal((await verify(out)).violation, undefined);
      const { texts: found } = await clustered(out, out, ["text"], 2);
      assert.ok(found.length === 2 && found.every((text) => text !== null && text !== ""), String(found));
      // kept.arrow as an input has the same texts; of those kept none equals another.
      const again = await dedup([path(`mixed-${field}/kept.arrow`)], `${out}-again`, { textFields: [field] });
      assert.deepEqual([again.counts.read, again.counts.rejected, again.counts.exact], [counts.kept, 0, 0]);
    }
  });
});

describe("text in bytes", () => {
  it("of one file equals strings of another, and other bytes are rejects", async () => {
    const bytes = ["天气", "b", "\xff", "Bytes"].map((text) => Buffer.from(text, text === "\xff" ? "latin1" : "utf8"));
    const binary = writeArrow("binary.arrow", {
      text: column(new Binary(), bytes),
      other: column(new Binary(), bytes),
    });
    const strings = writeJsonl(path("strings.jsonl"), [
      { text: "天气", other: "x" },
      { text: "YmFzZTY0", other: "y" },
    ]);
    const out = path("bytes-out");
    const { counts } = await dedup([binary, await writeParquet("binary.parquet", binary), strings], out);
    assert.deepEqual([counts.read, counts.rejected, counts.kept, counts.exact], [10, 2, 4, 4]);
    assert.equal((await verify(out)).violation, undefined);
    const kept = readTable(out, "kept.arrow");
    const decode = (value: unknown) => Buffer.from(value as Uint8Array).toString();
    assert.deepEqual(values(kept, "text").map(decode), ["天气", "b", "Bytes", "YmFzZTY0"]);
    // A column that is no text becomes JSON text, as any two types without a common one do.
    assert.deepEqual(values(kept, "other"), ['"5aSp5rCU"', '"Yg=="', '"Qnl0ZXM="', '"y"']);
    const rejects = readFileSync(join(out, "rejects.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    for (const { line, error } of rejects) assert.deepEqual([line, error], [3, 'text field "text" is not valid UTF-8']);
  });
});

describe("lists of bytes", () => {
  it("in one file and of strings in another are one text, proved from kept.arrow", async () => {
    const lists = [["天气", "很好"], [null, "b"], ["c"]];
    const bytes = lists.map((list) => list.map((text) => text && Buffer.from(text)));
    const inputs = [
      writeArrow("list-binary.arrow", { parts: column(new List(item(new Binary())), bytes) }),
      writeArrow("list-strings.arrow", { parts: column(new List(item(new Utf8())), lists) }),
      writeJsonl(path("list.jsonl"), [{ parts: ["天气", "很好"] }, { parts: ["d"] }]),
    ];
    for (const [name, field, rejected] of [
      ["all", "parts", 0],
      ["last", "parts[-1]", 0],
      ["second", "parts[1]", 3],
    ] as const) {
      const out = path(`lists-${name}`);
      const { counts } = await dedup(inputs, out, { textFields: [field] });
      assert.deepEqual([counts.read, counts.rejected], [8, rejected]);
      assert.equal(counts.exact, name === "second" ? 3 : 4);
      assert.equal((await verify(out)).violation, undefined);
    }
  });
});

describe("a wrong text field of JSON lines", () => {
  const refuse = (textField: string, message: RegExp) =>
    assert.rejects(dedup([path("chat.jsonl")], path("refused"), { textFields: [textField] }), (error: Error) => {
      assert.ok(error instanceof InputError, String(error));
      assert.match(error.message, message);
      return true;
    });

  it("lists the paths down to the strings, and says which was meant", async () => {
    await chatFiles();
    const fields = /the fields are "messages\[\]\.role", "messages\[\]\.content", "id", "scores"; see --text-field$/;
    await refuse("zzz", /no record has the text: line 1 of .*chat\.jsonl: text field "zzz" is missing; the fields are/);
    await refuse("zzz", fields);
    await refuse(
      "messages",
      /"messages" holds a list with an object, expected strings; write -t 'messages\[\]\.content'; /,
    );
    await refuse("messages[0]", /"messages\[0\]" holds an object, expected a string; write -t/);
    await refuse("messages.content", /did you mean -t 'messages\[\]\.content'\? the fields/);
    await refuse("messages[].contant", /did you mean -t 'messages\[\]\.content'\?/);
    await refuse("id", /"id" holds the number 0, expected a string; the fields are/);
  });

  it("does not stop a run where some record has it", async () => {
    const input = writeJsonl(path("late.jsonl"), [
      ...Array(9000).fill({ b: [{ text: 1 }] }),
      { b: [{ text: "here" }] },
    ]);
    const { counts } = await dedup([input], path("late"), { textFields: ["b[].text"] });
    assert.deepEqual([counts.kept, counts.rejected], [1, 9000]);
  });
});
