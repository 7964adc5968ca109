import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, it } from "node:test";
import { tableFromIPC, tableToIPC } from "apache-arrow";
import { FailedRunError, InputError, UsageError } from "../../src/index.js";
import type { Reporter } from "../../src/reporter.js";
import { openExplainer } from "../../src/run/explain.js";
import { dedup, noting, outputBytes, silent, verify, writeJsonl } from "./folders.js";
import {
  changeManifest,
  folder,
  freshPath,
  inputs,
  makeNights,
  manifestOf,
  NIGHTS,
  removedOf,
  threeNights,
} from "./three-nights.js";

describe("a folder that is no reference", () => {
  it("is passed over in a pattern and refused by name", async () => {
    const { root, paths } = await threeNights();
    mkdirSync(join(root, "unfinished", ".work"), { recursive: true });
    mkdirSync(join(root, "logs"));
    mkdirSync(join(root, "clusters"));
    writeFileSync(join(root, "clusters", "manifest.json"), JSON.stringify({ command: "bge-cluster" }));
    writeFileSync(join(root, "notes.txt"), "");
    const notes = noting();
    const out = freshPath("out");
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
      [root, /for the results in it, give --against .*\/\*/],
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
      const copy = freshPath("damaged");
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
    const out = freshPath("older");
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
    const out = freshPath("late");
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
    const out = freshPath("chain");
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
      const out = freshPath("interrupted");
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

  it("two hundred references are read with few files open", async () => {
    const { paths } = await threeNights();
    const root = join(folder, "many");
    for (let n = 0; n < 200; n++) cpSync(paths[0], join(root, String(n).padStart(4, "0")), { recursive: true });
    const out = join(folder, "against-many");
    const { counts } = await dedup([inputs[1]], out, { threshold: 0.8, against: [`${root}/*`] });
    assert.equal(counts.against, 2);
    assert.deepEqual(removedOf(out), [
      ["0000", 0, "normalized"],
      ["0000", 1, "semantic"],
    ]);
    assert.equal((manifestOf(out).references as unknown[]).length, 200);
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
    const root = freshPath("alone");
    await dedup([known], join(root, "first"), { threshold: 0.8 });
    await dedup([near], join(root, "second"), { threshold: 0.8, against: [join(root, "first")] });
    for (const [input, message] of [
      [near, /row 0 is kept, but its cosine with row 1 of .*first is 0\.\d+, at or above the threshold 0\.8/],
      [
        writeJsonl(join(folder, "same.jsonl"), [{ text: "" }]),
        /row 0 is kept, but its text is known .* row 0 of .*first/,
      ],
    ] as const) {
      const out = join(root, `alone-${basename(input, ".jsonl")}`);
      await dedup([input], out, { threshold: 0.8, against: [join(root, "none-*")] });
      changeManifest(out, (manifest) => {
        manifest.references = manifestOf(join(root, "second")).references;
      });
      assert.match((await verify(out)).violation ?? "", message);
    }
  });
});
