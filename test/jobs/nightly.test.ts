import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { lint, withoutPromtool } from "../metrics/promtool.js";
import { testFolder } from "../run/folders.js";
import { fakeCommands } from "./fake-commands.js";
import { jobs } from "./job-files.js";
import { nightlyFolder } from "./nightly-folder.js";

/** A folder whose commands are stand-ins, with an input for each of these dates. */
function fakeNights(...dates: readonly string[]) {
  const cwd = testFolder();
  const fake = fakeCommands(cwd);
  const folder = nightlyFolder({ cwd, bin: fake.bin });
  for (const date of dates) folder.put(`${date}.jsonl`, "");
  return { ...fake, ...folder };
}

/** Waits until a stand-in that waits has started. */
async function started(cwd: string): Promise<void> {
  while (!existsSync(join(cwd, "waiting"))) await new Promise((resolve) => setTimeout(resolve, 20));
}

const D1 = "2026-11-23";
const D2 = "2026-11-24";
const D3 = "2026-11-25";

describe("nightly.sh", () => {
  it("has no fault that shellcheck finds", (t) => {
    const { error, stdout } = spawnSync("shellcheck", [join(jobs, "nightly.sh")], { encoding: "utf8" });
    if (error !== undefined) return t.skip("no shellcheck on this machine (Debian: apt-get install shellcheck)");
    assert.equal(stdout, "");
  });

  it("dedups, clusters and proves each waiting night in order, against the finished ones and like the last", async () => {
    const { run, calls, inputs, nights, metrics, finished } = fakeNights(D2, D1);
    const { code, stdout, stderr } = await run();
    assert.deepEqual([code, stdout], [0, ""], stderr);
    assert.deepEqual(finished(), [D1, D2]);
    const common = "--max-rejects 0.01 --metrics";
    assert.deepEqual(calls(), [
      `dedup ${inputs}/${D1}.jsonl --out ${nights}/.${D1} --against ${nights}/????-??-?? ${common} ${metrics}`,
      `cluster ${nights}/.${D1} --k 50 --metrics ${metrics}`,
      `verify verify ${nights}/.${D1} --metrics ${metrics}`,
      `dedup ${inputs}/${D2}.jsonl --out ${nights}/.${D2} --against ${nights}/????-??-?? ${common} ${metrics}`,
      `cluster ${nights}/.${D2} --like ${nights}/${D1} --assign --metrics ${metrics}`,
      `verify verify ${nights}/.${D2} --metrics ${metrics}`,
    ]);
  });

  it("called again does nothing", async () => {
    const { run, calls, finished } = fakeNights(D1);
    await run();
    const before = calls().length;
    const { code, stderr } = await run();
    assert.equal(code, 0);
    assert.match(stderr, /no night waits/);
    assert.equal(calls().length, before);
    assert.deepEqual(finished(), [D1]);
  });

  it("takes settings from flags in both spellings and from the environment, flags first", async () => {
    const { run, calls } = fakeNights(D1);
    const env = {
      NIGHTLY_K: "7",
      NIGHTLY_MODEL: "small",
      NIGHTLY_EXPORT: "out/{date}.parquet",
      NIGHTLY_PUSH: "http://gw",
    };
    const flags = ["--model=large", "--threshold", "0.9", "--dedup-flags", "-t title  -t body", "--memory=1GB"];
    const { code } = await run(
      [...flags, "--cache=none", "--max-removed=0.5", "--export-flags=--layout pinecone --id-prefix {date}:"],
      env,
    );
    assert.equal(code, 0);
    const lines = calls();
    assert.match(
      lines[0],
      / --model large --threshold 0\.9 --cache none --memory 1GB --max-removed 0\.5 --max-rejects 0\.01 --metrics \S+ --push http:\/\/gw -t title -t body$/,
    );
    assert.match(lines[1], /--k 7 --memory 1GB --metrics \S+ --push http:\/\/gw$/);
    assert.match(lines[2], /--memory 1GB --metrics \S+ --push http:\/\/gw$/);
    assert.match(
      lines[3],
      new RegExp(
        `^export export .*/.${D1} --to out/${D1}.parquet --metrics .*/faq.prom --push http://gw --layout pinecone --id-prefix ${D1}:$`,
      ),
    );
  });

  it("reads all files of a date and its folder, and none that is still being written", async () => {
    const { run, calls, put, inputs } = fakeNights();
    for (const name of [`${D1}-b.csv`, `${D1}-a.csv.gz`, `${D1}-c.csv.part`, `${D1}0.csv`, `${D2}.tmp`, "README"]) {
      put(name, "");
    }
    mkdirSync(join(inputs, D1));
    await run();
    assert.match(calls()[0], new RegExp(`^dedup ${inputs}/${D1} ${inputs}/${D1}-a.csv.gz ${inputs}/${D1}-b.csv --out`));
    assert.equal(calls().filter((line) => line.startsWith("dedup")).length, 1);
  });

  it("does not cluster a night that brought nothing new; the next night resembles the last that has clusters", async () => {
    const { run, calls, keeps, nights } = fakeNights(D1, D2, D3);
    keeps(D2, 0);
    assert.equal((await run()).code, 0);
    const clustered = calls().filter((line) => line.startsWith("cluster"));
    assert.equal(clustered.length, 2);
    assert.match(clustered[1], new RegExp(`${D3} .*--like ${nights}/${D1} `));
  });

  it("with --clusters fit fits the clusters to each night, from those of the night before", async () => {
    const { run, calls, nights } = fakeNights(D1, D2);
    assert.equal((await run(["--clusters", "fit", "--k", "9"])).code, 0);
    const clustered = calls().filter((line) => line.startsWith("cluster"));
    assert.match(clustered[0], /\.2026-11-23 --k 9 --metrics/);
    assert.match(clustered[1], new RegExp(`--k 9 --like ${nights}/${D1} --metrics`));
  });

  it("lets no later step follow one that failed, and the night does not appear", async () => {
    for (const step of ["dedup", "cluster", "verify", "export"] as const) {
      const { run, calls, ends, finished } = fakeNights(D1);
      ends(step, D1, 3);
      assert.equal((await run(["--export", "x"])).code, 3, step);
      assert.ok(calls().at(-1)?.startsWith(step), step);
      assert.deepEqual(finished(), [], step);
    }
  });

  it("goes on to the next night after 3 and 4, stops after 1, 2 and 5, and ends with the first code", async () => {
    for (const [first, second, expected] of [
      [3, 0, [D2, D3]],
      [4, 0, [D2, D3]],
      [3, 1, []],
      [1, 0, []],
      [2, 0, []],
      [5, 0, []],
    ] as const) {
      const { run, ends, finished, metric } = fakeNights(D1, D2, D3);
      ends("dedup", D1, first);
      ends("dedup", D2, second);
      assert.equal((await run()).code, first);
      assert.deepEqual(finished(), expected, `${first} ${second}`);
      assert.equal(metric("bge_nightly_exit_code"), first);
      assert.equal(metric("bge_nightly_waiting_nights"), 3 - expected.length);
    }
  });

  it("catches up a failed night before the new one, also behind a later one that is finished", async () => {
    const { run, ends, finished, calls, put, nights } = fakeNights(D1, D2, D3);
    ends("dedup", D2, 3);
    await run();
    assert.deepEqual(finished(), [D1, D3]);
    ends("dedup", D2, 0);
    put("2026-11-26.jsonl", "");
    const before = calls().length;
    assert.equal((await run()).code, 0);
    const clustered = calls()
      .slice(before)
      .filter((line) => line.startsWith("cluster"));
    assert.match(clustered[0], new RegExp(`${D2} .*--like ${nights}/${D1} `));
    assert.match(clustered[1], new RegExp(`2026-11-26 .*--like ${nights}/${D3} `));
  });

  it("never runs twice over the same nights", async () => {
    const { run, start, ends, calls, bin } = fakeNights(D1);
    ends("dedup", D1, "wait");
    const first = start();
    await started(join(bin, ".."));
    const { code, stderr } = await run();
    assert.equal(code, 1);
    assert.match(stderr, /another nightly\.sh works in/);
    assert.equal(calls().length, 1);
    first.killAll();
    await first.outcome;
    ends("dedup", D1, 0);
    assert.equal((await run()).code, 0);
  });

  it("keeps others out as long as a command lives that a killed script has left", async () => {
    const { run, start, ends, bin } = fakeNights(D1);
    ends("dedup", D1, "wait");
    const first = start();
    await started(join(bin, ".."));
    process.kill(first.pid, "SIGKILL");
    assert.equal((await run()).code, 1);
    first.killAll();
    await first.outcome;
    ends("dedup", D1, 0);
    assert.equal((await run()).code, 0);
  });

  it("passes SIGTERM on, waits until the command has saved its state and begins no other step", async () => {
    const { start, ends, calls, finished, metric, bin } = fakeNights(D1, D2);
    ends("dedup", D1, "wait");
    const call = start();
    await started(join(bin, ".."));
    process.kill(call.pid, "SIGTERM");
    assert.equal((await call.outcome).code, 143);
    assert.equal(calls().at(-1), "dedup saved its state");
    assert.equal(calls().length, 2);
    assert.deepEqual(finished(), []);
    assert.equal(metric("bge_nightly_exit_code"), 143);
  });

  it("deletes inputs of finished nights but the latest, and neither a result nor an input that waits or came late", async () => {
    const { run, ends, put, inputs, finished } = fakeNights(D1, D2, D3, "2026-11-26");
    ends("dedup", D2, 3);
    await run();
    const late = put(`${D1}-late.jsonl`, "");
    const inAnHour = Date.now() / 1000 + 3600;
    writeFileSync(late, "late");
    spawnSync("touch", ["-d", `@${Math.floor(inAnHour)}`, late]);
    const { code, stderr } = await run(["--keep-inputs", "1"]);
    assert.equal(code, 3);
    assert.match(stderr, new RegExp(`warning: ${late} is newer than its night's result`));
    assert.deepEqual(readdirSync(inputs).sort(), [`${D1}-late.jsonl`, `${D2}.jsonl`, "2026-11-26.jsonl"]);
    assert.deepEqual(finished(), [D1, D3, "2026-11-26"]);
  });

  it("writes metrics that promtool accepts, and keeps the time of the last success through a failure", async (t) => {
    const { run, ends, put, metric, metrics } = fakeNights(D1);
    await run();
    const success = metric("bge_nightly_last_success_timestamp_seconds") as number;
    assert.ok(Math.abs(success - Date.now() / 1000) < 600);
    assert.equal(metric("bge_nightly_finished_nights"), 1);
    assert.equal(metric("bge_nightly_waiting_nights"), 0);
    put(`${D2}.jsonl`, "");
    ends("dedup", D2, 5);
    await run();
    assert.equal(metric("bge_nightly_exit_code"), 5);
    assert.equal(metric("bge_nightly_last_success_timestamp_seconds"), success);
    const cwd = dirname(metrics);
    assert.deepEqual(
      readdirSync(cwd).filter((name) => name.includes(".prom")),
      ["faq_nightly.prom"],
    );
    if (withoutPromtool) return t.diagnostic(withoutPromtool);
    assert.equal(lint(readFileSync(join(cwd, "faq_nightly.prom"), "utf8")), "");
  });

  it("logs lines of JSON where that is wanted, and never a password", async () => {
    const { run, ends } = fakeNights(D1);
    ends("dedup", D1, 5);
    const { stderr } = await run([
      ...["--log-format", "json", "--endpoint", "http://me:secret@server/v1", "--model", 'a "b" \\c'],
    ]);
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { time: string; level: string; message: string });
    assert.deepEqual(
      lines.map(({ level }) => level),
      ["info", "error"],
    );
    assert.match(lines[0].message, /^nightly: bge-dedup .* --json --model a "b" \\c --endpoint http:\/\/server\/v1 /);
    assert.match(lines[1].message, /exit code 5 of bge-dedup/);
    assert.ok(!stderr.includes("secret"));
  });

  it("refuses what it cannot carry out, with a word on it", async () => {
    const { run, nights, inputs, calls } = fakeNights(D1);
    for (const [args, code, message] of [
      [["--model"], 2, /--model has no value/],
      [["--modle", "x"], 2, /unknown setting --modle/],
      [["x"], 2, /unexpected argument x/],
      [["--k", "many"], 2, /--k many: expected a number/],
      [["--metrics", "faq.txt"], 2, /--metrics faq.txt: expected a name such as faq.prom/],
      [["--clusters", "both"], 2, /--clusters both: expected assign or fit/],
      [["--log-format", "xml"], 2, /--log-format xml: expected text or json/],
      [["--keep-inputs", "-1"], 2, /--keep-inputs -1: expected a number/],
      [["--nights", `${nights}/a*b`], 2, /a path without \*/],
      [["--inputs", ""], 2, /--inputs is missing/],
      [["--inputs", `${inputs}/none`], 3, /is no folder/],
    ] as const) {
      const { code: ended, stderr } = await run(args);
      assert.deepEqual([ended, message.test(stderr)], [code, true], stderr);
    }
    const { code, stderr } = await run([], { PATH: "/usr/bin:/bin" });
    assert.deepEqual([code, /bge-dedup is not on PATH/.test(stderr)], [127, true], stderr);
    assert.deepEqual(calls(), []);
    const help = await run(["--help"]);
    assert.deepEqual([help.code, help.stdout.startsWith("usage: nightly.sh")], [0, true]);
  });

  it("does not put a night beside a folder of the same name that is no result", async () => {
    const { run, nights } = fakeNights(D1);
    mkdirSync(join(nights, D1));
    const { code, stderr } = await run();
    assert.equal(code, 3);
    assert.match(stderr, /is in the way/);
    rmSync(join(nights, D1), { recursive: true });
    assert.equal((await run()).code, 0);
  });
});
