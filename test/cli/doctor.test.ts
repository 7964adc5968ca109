import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { run } from "./command-line.js";

/** A server that nobody runs: the port is one that no program gets by chance. */
const NOWHERE = "http://127.0.0.1:9/v1";

describe("doctor, where something is wrong", () => {
  it("tells what it knows of the machine before it ends with exit 5 and the cure", async () => {
    const cases: [string[], RegExp][] = [
      [["-m", "./nowhere"], /there is no such folder/],
      [["--device", "dml"], /--device dml cannot be had/],
      [["--endpoint", NOWHERE], /cannot be reached/],
    ];
    for (const [args, message] of cases) {
      const { code, stdout, stderr } = await run("dedup", ["doctor", ...args]);
      assert.equal(code, 5, args.join(" "));
      assert.match(stderr, message);
      assert.doesNotMatch(stderr, /resume/, "there is nothing to resume");
      assert.match(stdout, new RegExp(`^node +${process.version}$`, "m"));
      assert.match(stdout, /^onnxruntime-node +\d/m);
      assert.match(stdout, /^device cpu +[\d.]+ GFLOP\/s in fp32$/m);
    }
  });

  it("as JSON: one object that holds the error too", async () => {
    const { code, stdout } = await run("dedup", ["doctor", "--json", "-m", "./nowhere"]);
    assert.equal(code, 5);
    const report = JSON.parse(stdout) as Record<string, string>;
    assert.equal(report.node, process.version);
    assert.match(report.error, /there is no such folder/);
  });
});
