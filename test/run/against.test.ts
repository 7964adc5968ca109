import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { Field, Float32, List, tableFromIPC, tableToIPC } from "apache-arrow";
import { dedup as dedupByLibrary, FailedRunError, InputError, UsageError } from "../../src/index.js";
import type { Reporter } from "../../src/reporter.js";
import { estimate } from "../../src/run/dry-run.js";
import { openExplainer } from "../../src/run/explain.js";
import {
  dedup,
  dedupOptions,
  noting,
  numbers,
  outputBytes,
  readTable,
  silent,
  testFolder,
  values,
  verify,
  writeJsonl,
} from "./folders.js";
import { writeVectors } from "./vector-inputs.js";

const folder = testFolder();

/** Texts of three nights: equal, equal but for case, near, and new ones; a chain of a removed text in the last. */
const NIGHTS = [
  ["how do I reset my password for this account", "where is the parcel of order 12 please", "退款三天没有到账怎么办"],
  ["HOW do I reset my password for this account", "where is the parcel of order 12 pleasex", "an invoice without tax"],
  ["where is the parcel of order 12 pleasex", "An invoice without tax", "a text that nobody has written before"],
];
const inputs = NIGHTS.map((texts, n) => join(folder, `night-${n}-of-${texts.length}.jsonl`));
let made = 0;

interface ThreeNights {
  readonly root: string;
  readonly paths: readonly string[];
}

let template: Promise<ThreeNights> | undefined;

/** A copy of the three nights of its own, which were moved together. */
async function threeNights(): Promise<ThreeNights> {
  template ??= makeNights();
  const { paths, root } = await template;
  const copy = join(folder, `nights-${made++}`);
  cpSync(root, copy, { recursive: true });
  return { root: copy, paths: paths.map((path) => path.replace(root, copy)) };
}

/** Runs the three nights, each against those before. */
async function makeNights(options: Parameters<typeof dedup>[2] = {}): Promise<ThreeNights> {
  const root = join(folder, `nights-${made++}`);
  const paths = NIGHTS.map((_, n) => join(root, `night-${n}`));
  for (const [n, path] of paths.entries()) {
    await dedup([inputs[n]], path, { threshold: 0.8, against: [`${root}/*`], ...options });
  }
  return { root, paths };
}

function manifestOf(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(path, "manifest.json"), "utf8")) as Record<string, unknown>;
}

function changeManifest(path: string, change: (manifest: Record<string, unknown>) => void): void {
  const manifest = manifestOf(path);
  change(manifest);
  writeFileSync(join(path, "manifest.json"), JSON.stringify(manifest));
}

/** Rows of removed.arrow: the folder of the kept row, by the last part of its path, that row, and the reason. */
function removedOf(path: string): [place: string | null, keptRow: number, reason: string][] {
  const table = readTable(path, "removed.arrow");
  const [places, reasons] = [values(table, "_kept_in"), values(table, "_reason")];
  return numbers(table, "_kept_row").map((row, i) => {
    const place = places[i] as string | null;
    return [place === null ? null : (place.split("/").at(-1) ?? ""), row, String(reasons[i])];
  });
}

before(() => {
  for (const [n, texts] of NIGHTS.entries()) {
    writeJsonl(
      inputs[n],
      texts.map((text) => ({ text })),
    );
  }
});

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

describe("a folder that is no reference", () => {
  it("is passed over in a pattern and refused by name", async () => {
    const { root, paths } = await threeNights();
    mkdirSync(join(root, "unfinished", ".work"), { recursive: true });
    mkdirSync(join(root, "logs"));
    mkdirSync(join(root, "clusters"));
    writeFileSync(join(root, "clusters", "manifest.json"), JSON.stringify({ command: "bge-cluster" }));
    writeFileSync(join(root, "notes.txt"), "");
    const notes = noting();
    const out = join(folder, `out-${made++}`);
    await dedup([inputs[2]], out, { threshold: 0.8, against: [`${root}/*`], context: { reporter: notes } });
    const said = notes.notes.join("\n");
    assert.match(said, /clusters, .*logs, .*notes\.txt: no result of bge-dedup and passed over as a reference/);
    assert.match(said, /unfinished: without a finished result and passed over as a reference/);
    assert.match(said, /^3 references with 5 kept rows$/m);
    const refused = [
      [join(root, "unfinished"), /has no finished result: its run was interrupted or is under way/],
      [join(root, "logs"), /is no folder that bge-dedup wrote/],
      [join(root, "notes.txt"), /is no folder that bge-dedup wrote/],
      [join(root, "clusters"), /is no folder that bge-dedup wrote/],
      [join(root, "missing"), /does not exist; check the path/],
    ] as const;
    for (const [path, pattern] of refused) {
      await assert.rejects(dedup([inputs[2]], out, { against: [path] }), (error) => {
        assert.ok(error instanceof InputError);
        assert.match(error.message, pattern);
        return true;
      });
    }
    const self = dedup([inputs[1]], paths[1], { against: [paths[1]] });
    await assert.rejects(
      self,
      (error) => error instanceof UsageError && /the output folder itself/.test(error.message),
    );
  });

  it("ends the run where it is damaged, whichever part is", async () => {
    const damages: [name: string, damage: (path: string) => void, message: RegExp][] = [
      [
        "kept",
        (path) => writeFileSync(join(path, "kept.arrow"), "ARROW1"),
        /kept\.arrow has 6 bytes, but its manifest/,
      ],
      ["removed", (path) => rmSync(join(path, "removed.arrow")), /removed\.arrow is missing/],
      ["vectors", (path) => rmSync(join(path, "embeddings.arrow")), /embeddings\.arrow is missing/],
      ["manifest", (path) => writeFileSync(join(path, "manifest.json"), "{"), /cannot read .*manifest\.json/],
      [
        "published in part",
        (path) => {
          mkdirSync(join(path, ".work"));
          writeFileSync(join(path, ".work", "publish.json"), "{}");
        },
        /a publication into .* is under way or was cut short/,
      ],
      ["counts", (path) => changeManifest(path, (m) => Object.assign(m.counts as object, { kept: 2 })), /rows kept/],
      ["model", (path) => changeManifest(path, (m) => Object.assign(m, { model: {} })), /does not record which model/],
      [
        "bytes",
        (path) => {
          const bytes = readFileSync(join(path, "kept.arrow"));
          writeFileSync(join(path, "kept.arrow"), bytes.fill(7, 40, bytes.length - 40));
        },
        /kept\.arrow/,
      ],
    ];
    const { paths } = await threeNights();
    for (const [name, damage, message] of damages) {
      const copy = join(folder, `damaged-${made++}`);
      cpSync(paths[0], copy, { recursive: true });
      damage(copy);
      for (const against of [copy, `${copy}*`]) {
        await assert.rejects(dedup([inputs[1]], join(folder, "none"), { against: [against] }), (error) => {
          assert.ok(error instanceof InputError, `${name}: ${error}`);
          assert.match(error.message, message, name);
          return true;
        });
      }
    }
    assert.ok(!existsSync(join(folder, "none")));
  });

  it("of an older version, whose manifest lacks later keys, is a reference", async () => {
    const { paths } = await threeNights();
    changeManifest(paths[0], (manifest) => {
      for (const key of ["references", "stricter", "warnings", "vectors"]) delete manifest[key];
      const { guards } = manifest.options as { guards: Record<string, unknown> };
      delete guards.names;
      for (const input of manifest.inputs as Record<string, unknown>[]) {
        delete input.rows;
        delete input.first_row;
      }
    });
    const out = join(folder, `older-${made++}`);
    const { counts } = await dedup([inputs[1]], out, { threshold: 0.8, against: [paths[0]] });
    assert.equal(counts.against, 2);
    assert.ok((await verify(out)).ok);
  });
});

describe("results that change while time goes on", () => {
  it("a reference that is written anew during the run fails it, and nothing is published", async () => {
    const { root, paths } = await threeNights();
    const reporter: Reporter = {
      stage(name) {
        if (name === "write") {
          changeManifest(paths[0], (manifest) => {
            for (const output of manifest.outputs as { sha256: string }[]) output.sha256 = "0".repeat(64);
          });
        }
        return { advance() {}, end() {} };
      },
      note() {},
    };
    const out = join(folder, `late-${made++}`);
    const run = dedup([inputs[2]], out, { threshold: 0.8, against: [join(root, "night-0")], context: { reporter } });
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof FailedRunError);
      assert.match(error.message, /night-0 was written anew while it was read, nothing was published/);
      return true;
    });
    assert.ok(!existsSync(join(out, "kept.arrow")));
  });

  it("folders that move together are found, a folder that is gone or new is told from them", async () => {
    const { root, paths } = await makeNights();
    const moved = `${root}-moved`;
    renameSync(root, moved);
    const last = join(moved, "night-2");
    assert.equal((await verify(last)).violation, undefined);
    const [first, aside] = [join(moved, "night-0"), join(moved, "aside")];
    renameSync(first, aside);
    await assert.rejects(verify(last), (error) => {
      assert.ok(error instanceof InputError);
      assert.match(error.message, /night-0 is gone, so what was removed on account of its rows cannot be proved/);
      return true;
    });
    const explainer = await openExplainer({ folder: last, reporter: silent });
    const [row] = (await explainer.explain(["0"])).rows;
    await explainer.close();
    assert.ok(row.fate === "removed");
    assert.deepEqual([row.kept.row, row.kept.text], [1, null]);
    assert.match(row.kept.missing ?? "", /night-0 is gone/);
    await dedup([inputs[1]], first, { threshold: 0.8 });
    await assert.rejects(verify(last), /night-0 .*was written anew since .*nothing can be proved against it/);
    // Its removed rows name rows that are no longer there.
    const later = dedup([inputs[2]], join(folder, "stale"), { threshold: 0.8, against: [join(moved, "night-1")] });
    await assert.rejects(later, (error) => error instanceof InputError && /written anew since/.test(error.message));
    assert.equal(paths.length, 3);
  });

  it("a reference names the reference that it was made against, though only the later one is given", async () => {
    const { paths } = await threeNights();
    const out = join(folder, `chain-${made++}`);
    await dedup([inputs[2]], out, { threshold: 0.8, against: [paths[1]] });
    assert.deepEqual(removedOf(out), removedOf(paths[2]));
    const records = manifestOf(out).references as { path: string; given: boolean; removed: number }[];
    assert.deepEqual(
      records.map(({ path, given, removed }) => [path.split("/").at(-1), given, removed]),
      [
        ["night-1", true, 1],
        ["night-0", false, 1],
      ],
    );
    assert.equal((await verify(out)).violation, undefined);
  });

  it("an interrupted run continues with the same references, and starts over with other ones", async () => {
    const { paths } = await threeNights();
    const texts = Array.from({ length: 2300 }, (_, i) => ({ text: `text ${i} ${(i * 7919) % 10_007} of many` }));
    const input = writeJsonl(join(folder, "many.jsonl"), [...texts, ...NIGHTS[1].map((text) => ({ text }))]);
    const expected = join(folder, "whole");
    const options = { threshold: 0.97, against: [paths[0]] };
    await dedup([input], expected, options);
    for (const against of [[paths[0]], [paths[1], paths[0]]]) {
      const out = join(folder, `interrupted-${made++}`);
      const stop = new AbortController();
      const reporter: Reporter = {
        stage: (name) => ({
          advance(_, rows = 0) {
            if (name === "embed" && rows > 0) stop.abort(new Error("stopped"));
          },
          end() {},
        }),
        note() {},
      };
      const context = { reporter, signal: stop.signal };
      await assert.rejects(dedup([input], out, { ...options, context }), /stopped/);
      const notes = noting();
      const { resumed } = await dedup([input], out, { ...options, against, context: { reporter: notes } });
      const isSame = against.length === 1;
      assert.equal(resumed > 0, isSame);
      assert.equal(/references was 1 with .* and is 2 with/.test(notes.notes.join("\n")), !isSame);
      if (isSame) assert.deepEqual(outputBytes(out), outputBytes(expected));
      // A finished result is used again for the same references alone.
      assert.equal((await dedup([input], out, { ...options, against })).reused > 0, true);
      assert.equal((await dedup([input], out, { ...options, against: [paths[2]] })).reused, 0);
    }
  });

  it("a thousand references are read with few files open", async () => {
    const { paths } = await threeNights();
    const root = join(folder, "thousand");
    for (let n = 0; n < 1000; n++) cpSync(paths[0], join(root, String(n).padStart(4, "0")), { recursive: true });
    const out = join(folder, "against-thousand");
    const { counts } = await dedup([inputs[1]], out, { threshold: 0.8, against: [`${root}/*`] });
    assert.equal(counts.against, 2);
    assert.deepEqual(removedOf(out), [
      ["0000", 0, "normalized"],
      ["0000", 1, "semantic"],
    ]);
    assert.equal((manifestOf(out).references as unknown[]).length, 1000);
  });
});

describe("verify finds what contradicts a reference", () => {
  /** A copy of the last night with a change of a column of removed.arrow, or without its references. */
  async function violation(change: (rows: Record<string, unknown>[]) => void): Promise<string | undefined> {
    const { paths } = await threeNights();
    const path = join(paths[2], "removed.arrow");
    const table = tableFromIPC(readFileSync(path));
    const rows = Array.from(table, (row) => ({ ...row?.toJSON() }) as Record<string, unknown>);
    change(rows);
    const { vectorFromArray, Table } = await import("apache-arrow");
    const columns = table.schema.fields.map(({ name, type }) => [
      name,
      vectorFromArray(
        rows.map((row) => row[name]),
        type,
      ),
    ]);
    writeFileSync(path, tableToIPC(new Table(Object.fromEntries(columns) as never), "file"));
    return (await verify(paths[2])).violation;
  }

  it("a row that is not kept there, another account, and one that none has", async () => {
    assert.equal(
      await violation(() => {}).then((found) => /sha256/.test(found ?? "")),
      true,
      "the rewritten file alone",
    );
    const cases: [(rows: Record<string, unknown>[]) => void, RegExp][] = [
      [
        (rows) => Object.assign(rows[0], { _kept_row: 99n }),
        /row 0 was removed as semantic for row 99 .* not a kept row there/,
      ],
      [
        (rows) => Object.assign(rows[0], { _kept_row: 0n }),
        /its text is known and goes on account of row 1 of .*night-0/,
      ],
      [(rows) => Object.assign(rows[0], { _similarity: 0.9 }), /but the reference says semantic with _similarity/],
      [(rows) => Object.assign(rows[1], { _reason: "exact" }), /removed as exact .*but their texts differ/],
      [
        (rows) => Object.assign(rows[1], { _kept_in: rows[0]._kept_in }),
        /row 1 was removed as normalized for row 2 of .*night-0/,
      ],
      [(rows) => Object.assign(rows[0], { text: "a text of its own" }), /equals no row of a reference/],
    ];
    for (const [change, message] of cases) assert.match((await violation(change)) ?? "", message);
  });

  it("a kept row that is near to a kept row of a reference, or has a text that one has", async () => {
    const known = writeJsonl(join(folder, "undirected.jsonl"), [{ text: "" }, { text: "a text with known words" }]);
    const near = writeJsonl(join(folder, "near.jsonl"), [{ text: "a text with known wordsx" }]);
    const root = join(folder, `alone-${made++}`);
    await dedup([known], join(root, "first"), { threshold: 0.8 });
    await dedup([near], join(root, "second"), { threshold: 0.8, against: [join(root, "first")] });
    for (const [input, message] of [
      [near, /row 0 is kept, but its cosine with row 1 of .*first is 0\.\d+, at or above the threshold 0\.8/],
      [
        writeJsonl(join(folder, "same.jsonl"), [{ text: "" }]),
        /row 0 is kept, but its text is known .* row 0 of .*first/,
      ],
    ] as const) {
      const out = join(root, `alone-${made++}`);
      await dedup([input], out, { threshold: 0.8, against: [join(root, "none-*")] });
      changeManifest(out, (manifest) => {
        manifest.references = manifestOf(join(root, "second")).references;
      });
      assert.match((await verify(out)).violation ?? "", message);
    }
  });
});
