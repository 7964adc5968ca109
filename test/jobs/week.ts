import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { run } from "../cli/command-line.js";
import { type EmbeddingServer, type Fault, startEmbeddingServer } from "../embed/endpoint-server.js";
import { lint, withoutPromtool } from "../metrics/promtool.js";
import { readTable, testFolder, verify } from "../run/folders.js";
import { commandFolder } from "./job-files.js";
import { nightlyFolder } from "./nightly-folder.js";
import { smallDisk } from "./small-disk.js";
import { DATES, GRAM_DIM, gramVector, makeWeek, type WeekRow, type WeekSize } from "./week-corpus.js";
import { fatesOfNights, fatesOfRun, keptNaively } from "./week-oracle.js";

const [MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY] = DATES;

const jsonl = (rows: readonly WeekRow[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");

/**
 * Seven nights of nightly.sh over a table that is exported every night, with a server that embeds: on Tuesday the disk is
 * full, on Wednesday the input is damaged, on Thursday all is killed, on Friday the server is away, and on Sunday there is
 * nothing new. Declares the tests of the week.
 * @param options.texts what the rows say
 * @param options.threshold cosine from which texts are near-duplicates, by `gramVector`
 * @param options.megabytes size of the disk that holds the nights
 */
export function describeWeek(options: {
  name: string;
  texts: readonly string[];
  size: WeekSize;
  threshold: number;
  /** What becomes of the clusters from night to night. */
  clusters: "assign" | "fit";
  k: number;
  megabytes: number;
}): void {
  describe(options.name, () => {
    const cwd = testFolder();
    const disk = smallDisk(options.megabytes);
    const { inputs, nights, metrics, ...folder } = nightlyFolder({
      cwd,
      bin: commandFolder(cwd),
      nights: join(disk.folder, "nights"),
    });
    const week = makeWeek({ ...options, seed: 12 });
    const earlier = new Set<string>();
    /** Texts that a night is the first to have. */
    const newTexts = week.map((rows) => {
      const texts = new Set(rows.map(({ text }) => text).filter((text) => !earlier.has(text)));
      for (const text of texts) earlier.add(text);
      return texts;
    });
    let server: EmbeddingServer;
    /** How often each text was embedded. */
    const embedded = new Map<string, number>();
    const embed = (text: string) => {
      embedded.set(text, (embedded.get(text) ?? 0) + 1);
      return gramVector(text);
    };
    let faultOf: (input: readonly string[]) => Fault | undefined = () => undefined;
    const startServer = async (port?: number) => {
      const own = { embed, dim: GRAM_DIM, faultOf: (input: readonly string[]) => faultOf(input) };
      server = await startEmbeddingServer({ flavour: "vllm", ...own, port });
    };
    const embedding = () => ["--endpoint", server.url, "--threshold", String(options.threshold), "--memory", "1GB"];
    const flags = () => [
      ...embedding(),
      "--cache",
      join(cwd, "cache"),
      "--k",
      String(options.k),
      "--clusters",
      options.clusters,
    ];
    const put = (night: number) => folder.put(`${DATES[night]}.jsonl`, jsonl(week[night]));

    /** Calls nightly.sh, expects an exit code, and that its metrics tell the same. */
    async function call(expected: number) {
      const { code, stdout, stderr } = await folder.run(flags());
      assert.equal(code, expected, `${stdout}\n${stderr}`);
      assert.equal(folder.metric("bge_nightly_exit_code"), expected);
      if (!withoutPromtool) {
        for (const name of [metrics, metrics.replace(".prom", "_nightly.prom")]) {
          assert.equal(lint(readFileSync(name, "utf8")), "", name);
        }
      }
      return stderr;
    }
    const successes = () => [
      folder.metric("bge_nightly_last_success_timestamp_seconds"),
      folder.metric("bge_dedup_last_success_timestamp_seconds"),
    ];

    before(() => startServer());
    after(() => server.kill());

    it("Monday: there is no reference yet", async () => {
      put(0);
      await call(0);
      assert.deepEqual(folder.finished(), [MONDAY]);
      assert.equal(folder.metric("bge_dedup_exit_code"), 0);
      assert.equal(folder.metric("bge_nightly_finished_nights"), 1);
    });

    it("Tuesday: the disk is full, exit code 1", { skip: disk.refused }, async () => {
      put(1);
      const before = successes();
      disk.fill();
      const stderr = await call(1);
      disk.clear();
      assert.match(stderr, /ENOSPC|no space/i);
      assert.deepEqual(folder.finished(), [MONDAY]);
      assert.equal(folder.metric("bge_dedup_exit_code"), 1);
      assert.deepEqual(successes(), before);
    });

    it("Tuesday: with room again the same call does the night", async () => {
      put(1);
      await call(0);
      assert.deepEqual(folder.finished(), [MONDAY, TUESDAY]);
    });

    it("Wednesday: half of the input came, exit code 3", async () => {
      const before = successes();
      const whole = gzipSync(jsonl(week[2]));
      folder.put(`${WEDNESDAY}.jsonl.gz`, whole.subarray(0, whole.length / 2));
      assert.match(await call(3), /not a complete gzip stream/);
      assert.deepEqual(folder.finished(), [MONDAY, TUESDAY]);
      assert.equal(folder.metric("bge_dedup_exit_code"), 3);
      assert.equal(folder.metric("bge_nightly_waiting_nights"), 1);
      assert.deepEqual(successes(), before);
    });

    it("Thursday: Wednesday is caught up with its whole input, then everything is killed", async () => {
      folder.put(`${WEDNESDAY}.jsonl.gz`, gzipSync(jsonl(week[2])));
      put(3);
      const job = folder.start(flags());
      faultOf = (input) => {
        if (!input.some((text) => newTexts[3].has(text))) return undefined;
        job.killAll();
        return "silence";
      };
      const { code, stderr } = await job.outcome;
      faultOf = () => undefined;
      assert.equal(code, null, stderr);
      assert.deepEqual(folder.finished(), [MONDAY, TUESDAY, WEDNESDAY]);
      // A run that began and did not end is one that was killed.
      const [began, ended] = ["start", "run"].map((what) => folder.metric(`bge_dedup_last_${what}_timestamp_seconds`));
      assert.ok((began as number) > (ended as number), `${began} ${ended}`);
    });

    it("Thursday: the same call does the night", async () => {
      await call(0);
      assert.deepEqual(folder.finished(), [MONDAY, TUESDAY, WEDNESDAY, THURSDAY]);
      assert.equal(folder.metric("bge_dedup_exit_code"), 0);
    });

    it("Friday: the server is away, exit code 5", async () => {
      const before = successes();
      await server.kill();
      put(4);
      assert.match(await call(5), /cannot be reached/);
      assert.deepEqual(folder.finished(), [MONDAY, TUESDAY, WEDNESDAY, THURSDAY]);
      assert.equal(folder.metric("bge_dedup_exit_code"), 5);
      assert.equal(folder.metric("bge_nightly_waiting_nights"), 1);
      assert.deepEqual(successes(), before);
    });

    it("Saturday: the server is back, and Friday is caught up first", async () => {
      await startServer(server.port);
      put(5);
      await call(0);
      assert.deepEqual(folder.finished(), DATES.slice(0, 6));
      const written = [FRIDAY, SATURDAY].map((date) => statSync(join(nights, date, "manifest.json")).mtimeMs);
      assert.ok(written[0] < written[1]);
      assert.equal(folder.metric("bge_nightly_waiting_nights"), 0);
    });

    it("Sunday: the rows of Saturday again, so nothing is kept, embedded or clustered", async () => {
      const before = new Map(embedded);
      put(6);
      await call(0);
      assert.deepEqual(folder.finished(), DATES);
      assert.equal(readTable(join(nights, SUNDAY), "kept.arrow").numRows, 0);
      assert.ok(!existsSync(join(nights, SUNDAY, "clusters.arrow")));
      for (const text of earlier) assert.equal(embedded.get(text), before.get(text), text);
    });

    it("one more call changes no file", async () => {
      const files = () =>
        readdirSync(nights, { recursive: true, encoding: "utf8" }).map((name) => [
          name,
          statSync(join(nights, name)).mtimeMs,
        ]);
      const before = files();
      assert.ok(before.length > 7 * 4);
      assert.match(await call(0), /no night waits/);
      assert.deepEqual(files(), before);
    });

    it("a text is embedded once in the week, unless its answer was lost when all was killed", () => {
      for (const text of earlier) {
        const times = embedded.get(text) ?? 0;
        assert.ok(times < 2 || newTexts[3].has(text), `${times} times: ${text}`);
      }
    });

    it("each night is proved again from its files", async () => {
      for (const date of DATES) {
        const report = await verify(join(nights, date));
        assert.equal(report.violation, undefined, date);
        assert.equal(report.checked.kept + report.checked.removed, week[DATES.indexOf(date)].length);
      }
    });

    it("all nights but the quiet one have clusters", () => {
      const clustered = DATES.filter((date) => existsSync(join(nights, date, "clusters.arrow")));
      assert.deepEqual(clustered, DATES.slice(0, 6));
    });

    it("the nights together equal one run over all: kept rows, and of each removed row its kept row, reason and cosine", async () => {
      const all = join(cwd, "all");
      const files = readdirSync(inputs)
        .sort()
        .map((name) => join(inputs, name));
      assert.equal(files.length, 7);
      const { code, stderr } = await run("dedup", [
        ...files,
        "--out",
        all,
        ...embedding(),
        "--cache",
        "none",
        "--quiet",
      ]);
      assert.equal(code, 0, stderr);
      const together = fatesOfNights(DATES.map((date) => join(nights, date)));
      const once = fatesOfRun(all);
      assert.deepEqual(together.kept, once.kept);
      assert.deepEqual(together.removed, once.removed);
      const reasons = new Set([...once.removed.values()].map(({ reason }) => reason));
      assert.ok(reasons.has("exact") && reasons.has("semantic"), `the week has rows removed as ${[...reasons]}`);
    });

    it("the kept rows are those of the plainest comparison of all texts", (t) => {
      const texts = week.flat().map(({ text }) => text);
      const { kept } = fatesOfNights(DATES.map((date) => join(nights, date)));
      assert.deepEqual(kept, keptNaively(texts, gramVector, options.threshold));
      t.diagnostic(`${texts.length} rows of seven nights, ${earlier.size} distinct texts, ${kept.length} kept`);
    });

    it("the nights are proved in another place too, where all were moved together", async () => {
      const moved = join(disk.folder, "moved");
      renameSync(nights, moved);
      for (const date of DATES) assert.equal((await verify(join(moved, date))).violation, undefined, date);
    });
  });
}
