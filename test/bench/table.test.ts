import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { repeatable } from "./table/command.js";
import { type Machine, machineLine, machineSlug } from "./table/machine.js";
import { fillTemplate, readResults, wrongFigures } from "./table/readme.js";
import { formatCell, type Measurement, spreadOf, type Table, withMeasurement } from "./table/table.js";

const machine: Machine = {
  processor: "Intel Xeon",
  cores: 2,
  instructions: ["AVX2", "AVX-512", "VNNI"],
  saturating: false,
  memory: 16,
  system: "linux 6.1 x64",
};

const measured = (command: string | null, rows: Measurement["rows"]): Measurement => ({
  command,
  date: "2026-01-31",
  versions: { Node: "22.0.0" },
  load: { average: 0.1, busy: 0 },
  runs: 3,
  checks: ["decisions equal"],
  notes: [],
  rows,
});

const table = (measurements: Measurement[]): Table => ({
  id: "join",
  title: "join",
  machine,
  columns: [
    { key: "vectors", title: "vectors" },
    { key: "seconds", title: "bge-dedup", unit: "s", digits: 1 },
  ],
  measurements,
});

const row = (key: string, seconds: number[]) => ({ key, cells: { vectors: key, seconds: spreadOf(seconds) } });

describe("the table of a benchmark", () => {
  it("names a machine by what figures depend on", () => {
    assert.equal(machineSlug(machine), "intel-xeon-vnni-2-cores");
    assert.equal(machineSlug({ ...machine, processor: "Apple M3", instructions: null }), "apple-m3-2-cores");
    assert.equal(machineSlug({ ...machine, accelerator: "NVIDIA H100" }), "intel-xeon-vnni-2-cores-nvidia-h100");
    assert.match(machineLine({ ...machine, accelerator: "NVIDIA H100" }), /linux 6\.1 x64, with NVIDIA H100$/);
    assert.equal(
      machineLine(machine),
      "2 cores of Intel Xeon with AVX-512, with VNNI (byte products are exact), 16 GiB, linux 6.1 x64",
    );
  });

  it("gives a command without the paths of the machine", () => {
    const args = ["/a/b/dist/test/bench/join.js", "--python", "/opt/x/python", "--store", "/a/shared/data/v.arrow"];
    assert.equal(
      repeatable([...args, "--rows", "100", "--input", "/tmp/mine.jsonl", "--only", "a;b"], "/a/b"),
      "node dist/test/bench/join.js --python PYTHON --store ../shared/data/v.arrow --rows 100 --input MINE.JSONL --only 'a;b'",
    );
  });

  it("gives the median with the spread, and thousands separators", () => {
    assert.equal(formatCell(spreadOf([3, 1, 2]), 1), "2.0 (1.0-3.0)");
    assert.equal(formatCell(spreadOf([2])), "2");
    assert.equal(formatCell(1234567.4, 0), "1,234,567");
    assert.equal(formatCell(1234567), "1,234,567");
    assert.equal(formatCell(null), "");
  });

  it("replaces what is measured again, by its command or its row, and keeps the rest in place", () => {
    const before = table([measured("a", [row("1", [1]), row("2", [2])]), measured("b", [row("3", [3])])]);
    const rowsOf = ({ measurements }: Table) =>
      measurements.map(({ command, rows }) => [command, ...rows.map(({ key }) => key)]);
    assert.deepEqual(rowsOf(withMeasurement(before, measured("a", [row("4", [1])]))), [
      ["a", "4"],
      ["b", "3"],
    ]);
    assert.deepEqual(rowsOf(withMeasurement(before, measured("c", [row("1", [1])]))), [
      ["a", "2"],
      ["b", "3"],
      ["c", "1"],
    ]);
    assert.deepEqual(rowsOf(withMeasurement(before, measured("c", [row("3", [1])]))), [
      ["a", "1", "2"],
      ["c", "3"],
    ]);
  });

  it("fills a template with the tables of all machines and with single figures", () => {
    const results = new Map([["xeon/join", table([measured("node join.js", [row("1", [1, 2, 4])])])]]);
    assert.equal(
      fillTemplate("It takes {{xeon/join 1 seconds}} s.\n\n{{table join}}\n\n{{table other}}\n\nThe end.\n", results),
      `It takes 2.0 s.

*2 cores of Intel Xeon with AVX-512, with VNNI (byte products are exact), 16 GiB, linux 6.1 x64; Node 22.0.0; 2026-01-31; load 0.1 at the start; medians of 3 runs, the spread in brackets.*

| vectors | bge-dedup, s |
|---|---|
| 1 | 2.0 (1.0-4.0) |

Checked: decisions equal.

\`\`\`sh
node join.js
\`\`\`

The end.
`,
    );
    assert.throws(
      () => fillTemplate("{{xeon/join 2 seconds}}", results),
      /no result has the figure xeon\/join 2 seconds/,
    );
    assert.throws(() => fillTemplate("{{table xeon/other}}", results), /no result has the table xeon\/other/);
    assert.deepEqual(wrongFigures("in <!--= xeon/join 1 seconds 0 -->3<!--=--> s", results), [
      "xeon/join 1 seconds 0: 3, but the result is 2",
    ]);
    assert.deepEqual(wrongFigures("in <!--= xeon/join 1 seconds 0 -->2<!--=--> s", results), []);
  });

  it("is written by a script with the machine, the command and what was checked", () => {
    const results = mkdtempSync(join(tmpdir(), "bench-results-"));
    try {
      const script = join(results, "script.mjs");
      const record = JSON.stringify(new URL("./table/record.js", import.meta.url).href);
      writeFileSync(
        script,
        `const { openTable } = await import(${record});
        const columns = [{ key: "seconds", title: "", unit: "s" }];
        const table = await openTable({ id: "trial", title: "a trial", columns, runs: 2 });
        table.add("one", { seconds: { median: 1.23456789, min: 1, max: 2 } });
        table.check("nothing");
        table.write();`,
      );
      const env = { ...process.env, BENCH_RESULTS: results };
      const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--rows", "5"], {
        env,
        encoding: "utf8",
      });
      assert.equal(status, 0, stderr);
      assert.match(stdout, /cores of .*\nload .* at the start.*\nchecked: nothing\n$/);
      rmSync(script);
      const [[name, written], ...others] = readResults(results);
      assert.deepEqual(others, []);
      assert.equal(name, `${machineSlug(written.machine)}/trial`);
      const [{ command, rows, checks, versions, runs }] = written.measurements;
      assert.equal(command, "node SCRIPT.MJS --rows 5");
      assert.deepEqual(rows, [{ key: "one", cells: { seconds: { median: 1.23457, min: 1, max: 2 } } }]);
      assert.deepEqual([checks, runs], [["nothing"], 2]);
      assert.equal(versions.Node, process.versions.node);
    } finally {
      rmSync(results, { recursive: true });
    }
  });
});
