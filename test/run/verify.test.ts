import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { type Table, tableToIPC, type Vector, vectorFromArray } from "apache-arrow";
import { run } from "../cli/command-line.js";
import { dedup, numbers, readTable, testFolder, values, verify, writeJsonl } from "./folders.js";

const folder = testFolder();
const proved = join(folder, "proved");
let copies = 0;

const TEXTS = [
  "how do I reset my password for this account",
  "how do I reset my password for this account",
  "How do I reset my password for this  account",
  "how do I reset my password for this account!!?",
  "please tell me where my parcel of order 12 is",
  "please tell me where my parcel of order 13 is",
  "退款三天没有到账怎么办，我要投诉",
  "an invoice without tax",
];

before(async () => {
  const file = writeJsonl(
    join(folder, "rows.jsonl"),
    TEXTS.map((text) => ({ text })),
  );
  const { counts } = await dedup([file], proved, { threshold: 0.8 });
  assert.ok(counts.exact > 0 && counts.normalized > 0 && counts.semantic > 0, JSON.stringify(counts));
});

/** A table with one column replaced. */
function withColumn(table: Table, name: string, column: Vector): Table {
  const columns = Object.fromEntries(
    table.schema.fields.map((field) => [field.name, field.name === name ? column : table.getChild(field.name)]),
  ) as Record<string, Vector>;
  return table.setChildAt(
    table.schema.fields.findIndex((field) => field.name === name),
    columns[name],
  ) as Table;
}

/** A column with one value replaced, of the same type. */
function withValue(table: Table, name: string, at: number, value: unknown): Table {
  const column = table.getChild(name);
  assert.ok(column !== null);
  const changed = values(table, name);
  changed[at] = value;
  return withColumn(table, name, vectorFromArray(changed, column.type) as Vector);
}

/** A copy of the proved folder in which a table is changed; where asked for, the manifest's hash fits again. */
function tampered(name: string, change: (table: Table) => Table, rehash = true): string {
  const copy = join(folder, `copy-${copies++}`);
  cpSync(proved, copy, { recursive: true });
  const bytes = tableToIPC(change(readTable(copy, name)), "file");
  writeFileSync(join(copy, name), bytes);
  if (rehash) {
    const path = join(copy, "manifest.json");
    const manifest = JSON.parse(readFileSync(path, "utf8")) as { outputs: { name: string; sha256: string }[] };
    for (const output of manifest.outputs) {
      if (output.name === name) output.sha256 = createHash("sha256").update(bytes).digest("hex");
    }
    writeFileSync(path, JSON.stringify(manifest));
  }
  return copy;
}

async function violationOf(copy: string): Promise<string> {
  const { ok, violation } = await verify(copy);
  assert.equal(ok, false);
  assert.ok(violation !== undefined);
  return violation;
}

/** Position in removed.arrow of the first row with a reason. */
const positionOf = (table: Table, reason: string) => values(table, "_reason").indexOf(reason);

/** Rows of a table without one of them. */
function without(table: Table, at: number): Table {
  return table.slice(0, at).concat(table.slice(at + 1));
}

describe("verify", () => {
  it("proves an untouched folder, and the command says so", async () => {
    const { code, stdout, stderr } = await run("dedup", ["verify", proved]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^proved: \d+ removed rows each name a kept row .* no row is lost \(0 rejected\)\n$/);
    const report = await verify(proved);
    assert.equal(report.violation, undefined);
    assert.equal(report.checked.kept + report.checked.removed, TEXTS.length);
  });

  it("a rewritten but equal folder passes, so what follows is found for its own sake", async () => {
    for (const name of ["kept.arrow", "removed.arrow"]) {
      const { violation } = await verify(
        tampered(name, (table) => withValue(table, "_row", 0, table.getChild("_row")?.get(0))),
      );
      assert.equal(violation, undefined, name);
    }
  });

  it("finds a removed row that points at a removed row; the command exits 1 and shows it", async () => {
    const copy = tampered("removed.arrow", (table) => withValue(table, "_kept_row", 1, table.getChild("_row")?.get(0)));
    const removed = numbers(readTable(proved, "removed.arrow"), "_row");
    const { code, stdout, stderr } = await run("dedup", ["verify", copy, "--progress", "none"]);
    assert.equal(code, 3);
    assert.equal(stdout, "");
    assert.equal(stderr, `violation: row ${removed[1]} was removed for row ${removed[0]}, which is not a kept row\n`);
    const json = await run("dedup", ["verify", copy, "--json", "--quiet"]);
    assert.equal(json.code, 3);
    assert.equal((JSON.parse(json.stdout) as { ok: boolean }).ok, false);
  });

  it("finds a row that is missing, one that is there twice, one that was never read and one without a number", async () => {
    const kept = tampered("kept.arrow", (table) => without(table, 0));
    assert.match(await violationOf(kept), /8 rows were read, but .* = 7; the first row in neither table is 0/);
    const removed = tampered("removed.arrow", (table) => without(table, 1));
    assert.match(await violationOf(removed), /the first row in neither table is \d/);
    const twice = tampered("removed.arrow", (table) => withValue(table, "_row", 0, 0n));
    assert.match(await violationOf(twice), /row 0 of removed\.arrow is there twice or in both tables/);
    const beyond = tampered("kept.arrow", (table) => withValue(table, "_row", 0, 99n));
    assert.match(await violationOf(beyond), /row 99 of kept\.arrow is beyond the 8 rows that were read/);
    const nameless = tampered("removed.arrow", (table) => withValue(table, "_row", 0, null));
    assert.equal(await violationOf(nameless), "a row of removed.arrow has no _row");
  });

  it("finds a kept pair over the threshold", async () => {
    const removed = readTable(proved, "removed.arrow");
    const at = positionOf(removed, "semantic");
    const vector = removed.getChild("_vector")?.get(at) as bigint;
    const keptRow = Number(removed.getChild("_kept_row")?.get(at));
    // Some other kept row gets the vector of a row that was removed as too near to a kept one.
    const copy = tampered("kept.arrow", (table) => {
      const alone = numbers(table, "_group_size").map((size) => size === 1);
      const other = numbers(table, "_row").findIndex((row, i) => row !== keptRow && alone[i]);
      return withValue(table, "_vector", other, vector);
    });
    assert.match(
      await violationOf(copy),
      new RegExp(
        `rows (${keptRow} and \\d+|\\d+ and ${keptRow}) are both kept, but their cosine is 0\\.\\d+, at or above`,
      ),
    );
  });

  it("finds a similarity that was not measured and one below the threshold", async () => {
    const changed = tampered("removed.arrow", (table) =>
      withValue(table, "_similarity", positionOf(table, "semantic"), 0.999),
    );
    assert.match(await violationOf(changed), /with _similarity 0\.999\d*, but their cosine is 0\.\d+/);
    const path = join(
      tampered("kept.arrow", (table) => table),
      "manifest.json",
    );
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(`"threshold":0.8`, `"threshold":0.9999`));
    assert.match(await violationOf(join(path, "..")), /but their cosine is 0\.\d+, below the threshold 0\.9999/);
  });

  it("finds texts that are not equal as the reason says, an unknown reason and a wrong group size", async () => {
    const exact = tampered("removed.arrow", (table) => withValue(table, "text", positionOf(table, "exact"), "other"));
    assert.match(await violationOf(exact), /was removed as exact for row 0, but their texts differ/);
    const normalized = tampered("removed.arrow", (table) =>
      withValue(table, "text", positionOf(table, "normalized"), "other"),
    );
    assert.match(await violationOf(normalized), /removed as normalized for row 0, but their texts differ after normal/);
    const size = tampered("kept.arrow", (table) => withValue(table, "_group_size", 0, 2));
    assert.match(await violationOf(size), /row 0 has _group_size 2, but \d rows belong to it/);
  });

  it("finds a changed byte of a file that no proof looks at", async () => {
    const copy = tampered("kept.arrow", (table) => withValue(table, "text", table.numRows - 1, "invoice"), false);
    assert.match(await violationOf(copy), /kept\.arrow has sha256 [0-9a-f]{64}, but the manifest says/);
  });

  it("finds a vector that is not of unit length", async () => {
    const copy = tampered("embeddings.arrow", (table) => {
      const column = table.getChild("embedding");
      assert.ok(column !== null);
      const all = values(table, "embedding").map((vector) => Float32Array.from(vector as Iterable<number>));
      all[0][0] += 0.5;
      return withColumn(
        table,
        "embedding",
        vectorFromArray(
          all.map((vector) => [...vector]),
          column.type,
        ) as Vector,
      );
    });
    assert.match(await violationOf(copy), /has not length 1|but their cosine is/);
  });
});

describe("texts are found again", () => {
  /** Texts as the records hold them under some field. */
  const records = (record: (text: string, i: number) => object) => TEXTS.map(record);
  const inputs: Record<string, { textFields: string[]; rows: object[] }> = {
    "in a column named like one of ours": {
      textFields: ["_row"],
      rows: records((text, i) => ({ _row: text, _row_in: i, _vector: null })),
    },
    "inside a column named like one of ours": {
      textFields: ["_reason.text"],
      rows: records((text) => ({ _reason: { text } })),
    },
    "at a dotted path that some records hold as one name, some as null and some as an object": {
      textFields: ["a.b", "t"],
      rows: records((b, i) => [{ "a.b": b }, { a: { b } }, { "a.b": null, a: { b }, t: "x" }][i % 3]),
    },
  };
  for (const [name, { textFields, rows }] of Object.entries(inputs)) {
    it(name, async () => {
      const file = writeJsonl(join(folder, `found-${copies}.jsonl`), rows);
      const out = join(folder, `found-${copies++}`);
      const { counts } = await dedup([file], out, { threshold: 0.8, textFields });
      assert.equal(counts.rejected, 0);
      assert.ok(counts.removed > 0);
      const { ok, violation } = await verify(out);
      assert.ok(ok, violation);
      // An output is an input like any other, with names of its own.
      const [again] = [join(folder, `again-${copies++}`)];
      const field = textFields[0].startsWith("_row") ? "_row_in_in" : textFields[0].replace("_reason", "_reason_in");
      await dedup([join(out, "kept.arrow")], again, { threshold: 0.8, textFields: [field, ...textFields.slice(1)] });
      assert.equal((await verify(again)).violation, undefined);
    });
  }
});
