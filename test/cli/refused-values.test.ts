import assert from "node:assert/strict";
import { join } from "node:path";
import { before, describe, it } from "node:test";
import { clusterFlags, dedupFlags, metricsFlags, sharedFlags } from "../../src/cli/flags.js";
import { testFolder, writeJsonl } from "../run/folders.js";
import { call, failsForGood } from "./fails-for-good.js";

const folder = testFolder();
const rows = writeJsonl(join(folder, "rows.jsonl"), [{ text: "one" }, { text: "two" }]);
const out = join(folder, "good");
before(async () => {
  assert.deepEqual(await call("dedup", [rows, "-o", out, "--quiet"]), { code: 0, stderr: "" });
});

/** Values that a flag refuses, and what its message says; every flag that takes a value is here. */
const REFUSED: Readonly<Record<string, readonly [values: readonly string[], cure: RegExp]>> = {
  "text-field": [[""], /expected a value/],
  "input-format": [["", "xml", "auto,csv"], /Choices: .*tsv|expected/i],
  delimiter: [["", ",,", '"', "é", "\n"], /not one ASCII character|expected a value/],
  "source-field": [[""], /expected a value/],
  "id-field": [[""], /expected a value/],
  "vector-field": [[""], /expected a value/],
  out: [[""], /expected a value/],
  model: [[""], /expected a value/],
  device: [["", "gpu", "CPU"], /Choices: .*cuda|expected/i],
  dtype: [["", "fp64"], /Choices: .*fp16|expected/i],
  "max-length": [["", "0", "-1", "1.5", "x", "1e99"], /whole number of at least 1|expected/],
  long: [["", "cut"], /Choices: .*mean|expected/i],
  "batch-tokens": [["", "0", "-5", "0.5", "many"], /whole number of at least 1|expected/],
  endpoint: [["", "localhost", "ftp://host/v1", "http://"], /expected|such as/],
  "endpoint-model": [["name"], /needs --endpoint/],
  concurrency: [["0", "4"], /needs --endpoint/],
  memory: [["", "1MB", "0", "-4GB", "much", "4 PB"], /at least 64MB, such as 4GB|expected/],
  threads: [["", "0", "-1", "1025", "2.5", "all"], /whole number of at least 1 and at most 1024|expected/],
  seed: [["", "-1", "4294967296", "0.1", "x"], /whole number of at least 0|expected/],
  "max-rejects": [["", "-1", "101%", "1.5", "some"], /expected|such as/],
  cache: [
    ["", "redis://", "redis://host/x", "redis://host/0?a=b", "memcached://host"],
    /redis:\/\/HOST:PORT\/DB|expected/,
  ],
  progress: [["", "bars"], /Choices: .*none|expected/i],
  "log-format": [["", "xml"], /Choices: .*json|expected/i],
  threshold: [["", "0", "-0.1", "1.01", "high"], /greater than 0 and at most 1|expected/],
  keep: [["", "best", "max:", "min", "max"], /expected/],
  guard: [["", "name"], /Choices: .*negation|expected/i],
  format: [["", "csv"], /Choices: .*parquet|expected/i],
  "max-removed": [["", "-1", "101%", "1.5", "some"], /expected|such as/],
  k: [["", "0", "-3", "2.5", "automatic", "2147483648"], /whole number of at least 1|expected/],
  iterations: [["", "0", "1.5", "1000001"], /whole number of at least 1|expected/],
  tolerance: [["", "-1", "2", "x"], /number of at least 0 and at most 1|expected/],
  starts: [["", "0", "10001"], /whole number of at least 1|expected/],
  labels: [["", "-1", "101"], /whole number of at least 0|expected/],
  like: [[""], /expected a value/],
  metrics: [["", "faq", "faq.txt", "no-folder/faq.prom"], /expected a value|reads only \*\.prom|folder that is there/],
  push: [["", "host:9091", "ftp://host", "http://me:sesame@host"], /expected|read from the environment/],
  against: [[""], /expected a value/],
};

describe("a value that a flag does not take ends the run with exit 2", () => {
  const flags = { ...sharedFlags, ...dedupFlags, ...clusterFlags, ...metricsFlags };
  for (const [flag, { type }] of Object.entries(flags)) {
    if (type !== "string") continue;
    it(`--${flag}`, async () => {
      assert.ok(flag in REFUSED, "has no case in this test");
      const [values, cure] = REFUSED[flag];
      const command = Object.hasOwn(clusterFlags, flag) ? "cluster" : "dedup";
      for (const value of values) {
        const args = [rows, ...(flag === "out" ? [] : ["-o", out]), `--${flag}=${value}`];
        await failsForGood({ command, args, code: 2, cure, out });
      }
    });
  }
});
