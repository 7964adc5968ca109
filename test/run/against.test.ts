import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Field, Float32, List } from "apache-arrow";
import { dedup as dedupByLibrary, UsageError } from "../../src/index.js";
import { estimate } from "../../src/run/dry-run.js";
import {
  dedup,
  dedupOptions,
  noting,
  numbers,
  outputBytes,
  readTable,
  silent,
  values,
  verify,
  writeJsonl,
} from "./folders.js";
import { folder, inputs, makeNights, manifestOf, removedOf, threeNights } from "./three-nights.js";
import { writeVectors } from "./vector-inputs.js";

describe("a run against references", () => {
  it("removes rows on account of their rows and embeds only texts that they do not have", async () => {
    const { paths } = await threeNights();
    assert.deepEqual(removedOf(paths[0]), []);
    assert.deepEqual(removedOf(paths[1]), [
      ["night-0", 0, "normalized"],
      ["night-0", 1, "semantic"],
    ]);
    assert.deepEqual(removedOf(paths[2]), [
      ["night-0", 1, "semantic"],
      ["night-1", 2, "normalized"],
    ]);
    assert.deepEqual(numbers(readTable(paths[2], "removed.arrow"), "_vector"), [-1, -1]);
    assert.deepEqual(
      paths.map((path) => readTable(path, "embeddings.arrow").numRows),
      [3, 2, 1],
    );
    const { counts, references, exact_stage } = manifestOf(paths[2]) as Record<string, Record<string, unknown>>;
    assert.deepEqual(counts.against, 2);
    assert.deepEqual(exact_stage, { exact: 0, normalized: 1, distinct: 1 });
    assert.deepEqual(
      (references as unknown as { path: string; from_out: string; given: boolean; removed: number }[]).map(
        ({ from_out, given, removed }) => [from_out, given, removed],
      ),
      [
        ["../night-0", true, 1],
        ["../night-1", true, 1],
      ],
    );
  });

  it("keeps the schema of the first night, whose pattern matches nothing yet", async () => {
    const { paths } = await threeNights();
    const fields = (path: string) => readTable(path, "removed.arrow").schema.fields.map(({ name }) => name);
    assert.deepEqual(fields(paths[0]), fields(paths[2]));
    assert.deepEqual(fields(paths[0]), ["_row", "text", "_vector", "_kept_row", "_kept_in", "_similarity", "_reason"]);
    assert.deepEqual(manifestOf(paths[0]).references, []);
  });

  it("reads references of every format alike, and never changes them", async () => {
    const arrow = await threeNights();
    for (const format of ["jsonl", "parquet"] as const) {
      const { paths, root } = await makeNights({ formats: [format] });
      const before = paths.map((path) => readdirSync(path).sort());
      const last = join(folder, `last-${format}`);
      await dedup([inputs[2]], last, { threshold: 0.8, against: [join(root, "night-0"), join(root, "night-1")] });
      assert.deepEqual(removedOf(last), removedOf(arrow.paths[2]), format);
      assert.equal((await verify(last)).violation, undefined);
      assert.deepEqual(
        paths.map((path) => readdirSync(path).sort()),
        before,
      );
    }
  });

  it("gives the same bytes for any number of threads, memory and repetition", async () => {
    const { root, paths } = await makeNights();
    const expected = outputBytes(paths[2]);
    const notes = noting();
    for (const options of [{ threads: 2 }, { memory: 64 << 20 }, { fresh: true }]) {
      await dedup([inputs[2]], paths[2], {
        threshold: 0.8,
        against: [`${root}/*`],
        ...options,
        context: { reporter: notes },
      });
      assert.deepEqual(outputBytes(paths[2]), expected, JSON.stringify(options));
    }
    assert.ok(notes.notes.some((note) => /the output folder itself and no reference of its own/.test(note)));
    assert.ok(notes.notes.some((note) => /its 1 vectors are used again/.test(note)));
  });

  it("repeats an older night with the same bytes: results that were made against it are passed over", async () => {
    const { root, paths } = await makeNights();
    const expected = outputBytes(paths[1]);
    const notes = noting();
    const options = { threshold: 0.8, against: [`${root}/*`], context: { reporter: notes } };
    await dedup([inputs[1]], paths[1], options);
    assert.deepEqual(outputBytes(paths[1]), expected);
    assert.match(notes.notes.join("\n"), /night-2: made against the output folder/);
    await assert.rejects(dedup([inputs[1]], paths[1], { against: [paths[2]] }), (error) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, /night-2 was itself made against the output folder/);
      return true;
    });
  });

  it("is a library option, and a dry run counts known rows and writes nothing", async () => {
    const { root } = await threeNights();
    const out = join(folder, "by-library");
    const against = join(root, "night-*");
    const summary = await dedupByLibrary({ inputs: inputs[2], out, against, threshold: 0.8 });
    assert.equal(summary.counts.against, 3);
    const options = dedupOptions([inputs[2]], join(folder, "never"), { threshold: 0.8, against: [against] });
    const { counts } = await estimate(options, { reporter: silent, stdin: process.stdin });
    assert.deepEqual(counts, { read: 3, rejected: 0, exact: 0, normalized: 0, against: 3, distinct: 0 });
    assert.ok(!existsSync(join(folder, "never")));
  });

  it("says which rows of which folder are the account when --max-removed stops it", async () => {
    const { root } = await threeNights();
    const against = [join(root, "night-0")];
    const limit = { kind: "count", value: 0, text: "0" } as const;
    const run = dedup([inputs[1]], join(folder, "braked"), { threshold: 0.8, against, maxRemoved: limit });
    await assert.rejects(run, /row 0 ".*" for row 0 of .*night-0 \(normalized, 1\.0000\)/s);
    assert.ok(!existsSync(join(folder, "braked", "kept.arrow")));
  });

  it("takes an empty list for a night without references, as it takes a glob that matches nothing", async () => {
    const [listed, matched] = ["listed", "matched"].map((name) => join(folder, name));
    await dedupByLibrary({ inputs: inputs[0], out: listed, against: [] });
    await dedup([inputs[0]], matched, { against: [join(folder, "no-nights", "*")] });
    for (const table of ["kept.arrow", "removed.arrow"]) {
      assert.deepEqual(readFileSync(join(listed, table)), readFileSync(join(matched, table)));
    }
  });

  it("carries a column _kept_in of the input under another name", async () => {
    const { root } = await threeNights();
    const named = writeJsonl(join(folder, "named.jsonl"), [
      { text: "An invoice without tax", _kept_in: "mine" },
      { text: "one more new text", _kept_in: "mine too" },
    ]);
    const out = join(folder, "named");
    await dedup([named], out, { against: [`${root}/*`] });
    assert.deepEqual(values(readTable(out, "removed.arrow"), "_kept_in_in"), ["mine"]);
    assert.deepEqual(values(readTable(out, "kept.arrow"), "_kept_in_in"), ["mine too"]);
    const plain = join(folder, "plain");
    await dedup([named], plain);
    assert.deepEqual(values(readTable(plain, "kept.arrow"), "_kept_in"), ["mine", "mine too"]);
    assert.ok((await verify(out)).ok && (await verify(plain)).ok);
  });
});

describe("vectors of the input", () => {
  const type = new List(new Field("item", new Float32(), true));
  const run = (name: string, lists: number[][], against: string[]) =>
    dedup([writeVectors(join(folder, `${name}.arrow`), type, lists)], join(folder, name), {
      vectorField: "embedding",
      threshold: 0.9,
      against,
    });

  it("are compared with those of references, which may have kept nothing", async () => {
    await run(
      "vectors-0",
      [
        [1, 0],
        [0, 1],
      ],
      [],
    ); // prettier-ignore
    await run("vectors-1", [[2, 0.1]], [join(folder, "vectors-0")]);
    await run(
      "vectors-2",
      [
        [1, 0.2],
        [-1, 0],
      ],
      [join(folder, "vectors-[01]")],
    ); // prettier-ignore
    assert.deepEqual(removedOf(join(folder, "vectors-1")), [["vectors-0", 0, "semantic"]]);
    assert.deepEqual(removedOf(join(folder, "vectors-2")), [["vectors-0", 0, "semantic"]]);
    assert.equal(manifestOf(join(folder, "vectors-1")).counts?.["kept" as never], 0);
    for (const name of ["vectors-1", "vectors-2"]) {
      const { violation } = await verify(join(folder, name));
      assert.equal(violation, undefined);
    }
  });

  it("of another dimension, or beside those of a model, end the run with both named", async () => {
    await run("vectors-3d", [[1, 0, 0]], []);
    const usage = (pattern: RegExp) => (error: unknown) => {
      assert.ok(error instanceof UsageError);
      assert.match(error.message, pattern);
      return true;
    };
    await assert.rejects(run("other", [[1, 0]], [join(folder, "vectors-3d")]), usage(/vectors of 3 dimensions.* of 2/));
    await assert.rejects(
      run("other", [[1, 0]], [join(folder, "vectors-3d"), join(folder, "vectors-0")]),
      usage(/of 3 dimensions, but .*vectors-0 of 2/),
    );
    const { paths } = await threeNights();
    await assert.rejects(run("other", [[1, 0]], [paths[0]]), usage(/by builtin \(fp32.*by column embedding \(fp32/));
    assert.ok(!existsSync(join(folder, "other", "kept.arrow")));
  });
});
