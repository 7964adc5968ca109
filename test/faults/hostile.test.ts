import assert from "node:assert/strict";
import { appendFileSync, existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { test } from "node:test";
import { Table, tableToIPC, Utf8, vectorFromArray } from "apache-arrow";
import { parquetWriteBuffer } from "hyparquet-writer";
import { InputError } from "../../src/errors.js";
import { start } from "../cli/command-line.js";
import { dedup, noting, testFolder } from "../run/folders.js";
import { hostileInputs } from "./hostile.js";
import { checkHostile } from "./hostile-run.js";
import { assertPlainWords } from "./internals.js";
import { faultCorpus } from "./rows.js";

const folder = testFolder();

test("no hostile input crashes, hangs or loses a row; what cannot be read is an error that names it", async () => {
  const inputs = await hostileInputs({ folder, seed: 1, large: false });
  assert.ok(inputs.length > 50);
  for (const [i, { name, paths, code, read, rejected, message }] of inputs.entries()) {
    const out = join(folder, `out-${i}`);
    if (code === 3) {
      await assert.rejects(dedup(paths, out), (error: Error) => {
        assert.ok(error instanceof InputError, `${name}: ${error.stack}`);
        assert.match(error.message, message ?? /./, name);
        assert.ok(error.message.includes(paths[0]), `${name}: ${error.message}`);
        assertPlainWords(error.message);
        return true;
      });
      assert.ok(!existsSync(out), name);
      continue;
    }
    const { counts } = await dedup(paths, out, { formats: ["arrow", "jsonl"] });
    assert.deepEqual([counts.read, counts.rejected], [read, rejected], name);
    assert.equal(counts.kept + counts.removed + counts.rejected, counts.read, name);
    const lines = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").split("\n").length - 1 : 0);
    const written = ["kept", "removed", "rejects"].map((table) => lines(join(out, `${table}.jsonl`)));
    assert.deepEqual(written, [counts.kept, counts.removed, counts.rejected], `${name}: every row is in a file`);
  }
});

test("file names and text that would steer a terminal or forge a line do neither", async () => {
  const [steering, missing] = (await hostileInputs({ folder: testFolder(), seed: 1, large: false })).filter(
    ({ name }) => name.includes("steer"),
  );
  await checkHostile(steering, join(folder, "steering"));
  const { said } = await checkHostile(missing, join(folder, "missing"));
  assert.equal(said.split("\n").length, 2, said);
});

test("a file that grows while it is read is read as it was when the run met it", async () => {
  const file = join(folder, "grows.jsonl");
  const text = faultCorpus({ rows: 3000, seed: 5 });
  writeFileSync(file, text);
  const stage = (name: string) => {
    if (name !== "read") return { advance() {}, end() {} };
    return { advance: () => appendFileSync(file, `{"text":"late"}\nno record\n`), end() {} };
  };
  const { counts } = await dedup([file], join(folder, "grew"), { context: { reporter: { ...noting(), stage } } });
  assert.equal(counts.read, text.split("\n").length - 1);
  assert.equal(counts.rejected, 1);
  assert.ok(readFileSync(file).length > text.length);
});

test("a file that shrinks before it is read again ends the run; with memory for its columns it is read once", async () => {
  const file = join(folder, "shrinks.jsonl");
  const lines = faultCorpus({ rows: 3000, seed: 5 });
  writeFileSync(file, lines);
  const whole = await dedup([file], join(folder, "whole"));
  const stage = (name: string) => {
    if (name === "write") writeFileSync(file, '{"text":"short"}\n');
    return { advance() {}, end() {} };
  };
  const context = { reporter: { ...noting(), stage } };
  const out = join(folder, "shrank");
  await assert.rejects(dedup([file], out, { context, memory: 2 ** 20 }), /changed during the run/);
  assert.ok(!existsSync(join(out, "kept.arrow")));
  writeFileSync(file, lines);
  const { counts } = await dedup([file], out, { context });
  assert.deepEqual(counts, whole.counts);
  assert.deepEqual(readFileSync(join(out, "kept.arrow")), readFileSync(join(folder, "whole", "kept.arrow")));
});

test("a pipe that closes early is an input that ends there; one that breaks ends the run", async () => {
  const { outcome } = start("dedup", ["-", "-o", join(folder, "closed"), "--json", "-q"], {
    stdin: '{"text":"one"}\n{"text":"tw',
  });
  const { code, stdout, stderr } = await outcome;
  assert.equal(code, 0, stderr);
  const { counts } = JSON.parse(stdout) as { counts: Record<string, number> };
  assert.deepEqual([counts.read, counts.kept, counts.rejected], [2, 1, 1]);
  const broken = new Readable({
    read() {
      this.push('{"text":"one"}\n');
      this.destroy(new Error("the pipe broke"));
    },
  });
  const out = join(folder, "broken");
  await assert.rejects(dedup(["-"], out, { context: { stdin: broken } }), /the pipe broke/);
  assert.ok(!existsSync(join(out, "kept.arrow")));
});

test("a Parquet or Arrow file that is written to between the passes ends the run, and one that is not does not", async () => {
  const texts = (last: string | null) => [...Array.from({ length: 50 }, (_, i) => `text number ${i}`), null, last];
  const contents: Record<string, (last: string | null) => Uint8Array> = {
    parquet: (last) =>
      new Uint8Array(parquetWriteBuffer({ columnData: [{ name: "text", data: texts(last), type: "STRING" }] })),
    arrow: (last) => tableToIPC(new Table({ text: vectorFromArray(texts(last), new Utf8()) }), "file"),
  };
  for (const [format, content] of Object.entries(contents)) {
    const file = join(folder, `rewritten.${format}`);
    for (const last of ["the last", "the lost", null]) {
      writeFileSync(file, content("the last"));
      utimesSync(file, 1000, 1000);
      const stage = (name: string) => {
        if (name === "write" && last !== "the last") writeFileSync(file, content(last));
        return { advance() {}, end() {} };
      };
      const out = join(folder, `rewritten-${format}-${last}`);
      const run = dedup([file], out, { context: { reporter: { ...noting(), stage } } });
      if (last === "the last") {
        const { counts } = await run;
        assert.deepEqual([counts.read, counts.rejected], [52, 1]);
        continue;
      }
      await assert.rejects(run, (error: Error) => {
        // Where the file is laid out anew, its old footer may no longer fit it.
        return /changed during the run/.test(error.message) || (last === null && error instanceof InputError);
      });
      assert.ok(!existsSync(join(out, "kept.arrow")));
    }
  }
});
