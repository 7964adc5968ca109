import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { flagsForAll, programCommand } from "../../src/cli/engine/worker-command.js";

describe("the command line of a worker", () => {
  it("takes over the flags of Node that hold for every process, with their values", () => {
    const taken = ["--max-old-space-size=200", "--import", "./a.js", "-r", "./b.cjs", "--no-warnings"];
    assert.deepEqual(flagsForAll(taken), taken);
    const own = ["--input-type=module", "-e", "code", "--eval=code", "-pe", "1", "--test", "--inspect=0", "-i"];
    assert.deepEqual(flagsForAll(own), []);
    assert.deepEqual(flagsForAll([...own, ...taken, ...own]), taken);
  });

  it("runs a program of this package", () => {
    const [program, ...words] = programCommand("bge-cluster");
    const { stdout } = spawnSync(program, [...words, "work", "--help"], { encoding: "utf8" });
    assert.match(stdout, /^bge-cluster work <run>/);
  });
});
