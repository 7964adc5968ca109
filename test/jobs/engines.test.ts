import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fakePrograms } from "../engine/fake-programs.js";
import { testFolder } from "../run/folders.js";
import { jobFile, jobs } from "./job-files.js";

const folder = testFolder();

describe("the examples for Slurm and Ray", () => {
  it("have no fault that shellcheck finds", (t) => {
    const scripts = ["slurm.sh", "ray.sh"].map((name) => join(jobs, name));
    const { error, stdout } = spawnSync("shellcheck", scripts, { encoding: "utf8" });
    if (error !== undefined) return t.skip("no shellcheck on this machine (Debian: apt-get install shellcheck)");
    assert.equal(stdout, "");
  });

  it("slurm.sh plans the run, submits four arrays one behind the other, and the GPU for embedding alone", () => {
    const cwd = realpathSync(mkdtempSync(join(folder, "slurm 100% ")));
    const programs = fakePrograms(cwd, ["bge-dedup", "sbatch"]);
    programs.answers("bge-dedup", "");
    programs.answers("sbatch", "7\n");
    const run = join(cwd, "run");
    // The plan of the stand-in.
    mkdirSync(join(run, ".work", "plan.json"), { recursive: true });
    const given = { cwd, encoding: "utf8", env: { PATH: process.env.PATH, WORKERS: "3", GPU_WORKERS: "2" } } as const;
    const { status, stderr } = spawnSync(join(jobs, "slurm.sh"), ["run", "in.jsonl", "--keep", "last"], given);
    assert.equal(status, 0, stderr);
    const [plan, ...submitted] = programs.calls();
    assert.equal(plan, "bge-dedup plan in.jsonl --keep last --out run --workers 3");
    assert.deepEqual(
      submitted.map((call) => /--job-name=(\S+) --array=(\S+) /.exec(call)?.slice(1)),
      ["read", "embed", "join", "write"].map((name) => [`bge-dedup-${name}`, name === "embed" ? "0-1" : "0-2"]),
    );
    assert.deepEqual(
      submitted.map((call) => /--dependency=(\S+) --kill-on-invalid-dep=yes/.exec(call)?.[1]),
      [
        undefined,
        "afterok:7_0?afterok:7_1?afterok:7_2",
        "afterok:7_0?afterok:7_1",
        "afterok:7_0?afterok:7_1?afterok:7_2",
      ],
    );
    assert.deepEqual(
      submitted.map((call) => [call.includes("--partition=gpu"), call.includes("--gres=gpu:1")]),
      [false, true, false, false].map((gpu) => [gpu, gpu]),
    );
    assert.ok(submitted.every((call) => call.includes(`--output=${run.replaceAll("%", "%%")}/.work/slurm/`)));
    const script = spawnSync("sh", ["-c", programs.inputs()[1].replace("exec ", "printf '%s\\n' ")], {
      encoding: "utf8",
      env: { PATH: process.env.PATH, SLURM_CPUS_ON_NODE: "8" },
    });
    assert.deepEqual(script.stdout.trimEnd().split("\n"), [
      "bge-dedup",
      "work",
      run,
      "--phase",
      "embed",
      "--threads",
      "8",
    ]);
    assert.ok(existsSync(join(run, ".work", "slurm")));
  });

  it("slurm.sh submits nothing where the run is finished, and ends as the plan does where that fails", () => {
    const cwd = mkdtempSync(join(folder, "slurm-"));
    const programs = fakePrograms(cwd, ["bge-dedup", "sbatch"]);
    programs.answers("bge-dedup", "");
    const given = { cwd, encoding: "utf8", env: { PATH: process.env.PATH } } as const;
    assert.equal(spawnSync(join(jobs, "slurm.sh"), ["run", "in.jsonl"], given).status, 0);
    programs.answers("bge-dedup", "", { code: 3, stderr: "error: no file\n" });
    assert.equal(spawnSync(join(jobs, "slurm.sh"), ["run", "in.jsonl"], given).status, 3);
    assert.ok(!programs.calls().some((call) => call.startsWith("sbatch")));
  });

  it("ray.sh runs by Ray with a GPU for embedding alone", () => {
    const cwd = mkdtempSync(join(folder, "ray-"));
    const programs = fakePrograms(cwd, ["bge-dedup"]);
    programs.answers("bge-dedup", "");
    const given = { cwd, encoding: "utf8", env: { PATH: process.env.PATH } } as const;
    const { status, stderr } = spawnSync(join(jobs, "ray.sh"), ["run", "in.jsonl", "--keep", "last"], given);
    assert.equal(status, 0, stderr);
    assert.deepEqual(programs.calls(), [
      "bge-dedup in.jsonl --keep last --out run --executor ray --workers 8 -- --num-cpus=4 embed: --num-gpus=1",
    ]);
  });

  it("are told in the README beside them", () => {
    for (const name of ["slurm.sh", "ray.sh", "kubernetes-job.yaml"])
      assert.ok(jobFile("README.md").includes(name), name);
  });
});
