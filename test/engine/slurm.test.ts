import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { slurm } from "../../src/engine/executors/slurm.js";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { testFolder } from "../run/folders.js";
import { type FakePrograms, fakePrograms } from "./fake-programs.js";
import { fakeOrder } from "./fake-worker.js";

const never = new AbortController().signal;
const folder = testFolder();
let programs: FakePrograms;

/** An order of two workers and two phases. */
const orderOf = (engineArguments: readonly string[] = []) =>
  fakeOrder(testFolder(), { tasks: 1, milliseconds: 1 }, { engineArguments, phases: ["embed", "join"] });

describe("an order to Slurm", () => {
  beforeEach(() => {
    programs = fakePrograms(mkdtempSync(join(folder, "slurm-")), ["sbatch", "squeue", "sacct", "scontrol", "scancel"]);
    programs.answers("sbatch", "7\n");
    programs.answers("squeue", "");
    programs.answers("sacct", "", { code: 1, stderr: "Slurm accounting storage is disabled\n" });
    programs.answers("scontrol show config", "MaxArraySize            = 1001\n");
    programs.answers("scancel", "");
  });

  it("is one array for each phase with the flags of that phase, after any worker of the phase before", async () => {
    const order = orderOf(["--mem=8G", "embed:", "--partition=gpu", "--gres", "gpu:1"]);
    const crew = await slurm.start(order, never);
    assert.equal(crew.look, "squeue --jobs=7,7");
    const [embed, after] = programs.calls().filter((call) => call.startsWith("sbatch"));
    const logs = `${order.folder}/.work/slurm`;
    assert.match(embed, /^sbatch --parsable --job-name=bge-test-[0-9a-f]{8}-embed --array=0-1 /);
    assert.ok(embed.includes(` --output=${logs}/embed-%A_%a.log --open-mode=append --requeue --chdir=${order.cwd} `));
    assert.ok(embed.endsWith(" --mem=8G --partition=gpu --gres gpu:1"), embed);
    assert.ok(after.endsWith(" --dependency=afterok:7_0?afterok:7_1 --kill-on-invalid-dep=yes --mem=8G"), after);
    const command = order.command("embed").join(" ");
    assert.equal(programs.inputs()[0], `#!/bin/sh\nexec ${command} --threads "$SLURM_CPUS_ON_NODE"`);
  });

  it("gives a worker the processors that the user asked for", async () => {
    await slurm.start({ ...orderOf(), threads: 3 }, never);
    assert.ok(programs.calls().some((call) => call.includes(" --cpus-per-task=3 ")));
    assert.doesNotMatch(programs.inputs()[0], /--threads/);
  });

  it("finds the workers of an earlier call by their names, and starts what is missing behind them", async () => {
    const order = orderOf();
    await slurm.start(order, never);
    const [, name] = /--job-name=(\S+)-embed/.exec(programs.calls().join("\n")) ?? [];
    programs.answers("squeue", `5_0|COMPLETED|None|n1|${name}-embed\n5_1|RUNNING|None|n2|${name}-embed\n`);
    const before = programs.calls().length;
    const crew = await slurm.start(order, never);
    assert.equal(crew.look, "squeue --jobs=5,7");
    assert.deepEqual(order.notes, ["1 workers of embed are in Slurm already: job 5"]);
    programs.answers("squeue", `6_1|PENDING|Resources||${name.replace(/-embed$/, "")}-join\n`);
    assert.equal((await slurm.start(order, never)).look, "squeue --jobs=6", "the phase before has ended");
    const submitted = programs
      .calls()
      .slice(before)
      .filter((call) => call.startsWith("sbatch"));
    assert.equal(submitted.length, 1);
    assert.match(submitted[0], /-join .* --dependency=afterok:5_1 /);
  });

  it("says why workers wait, in Slurm's word and what it means", async () => {
    const crew = await slurm.start(orderOf(), never);
    programs.answers(
      "squeue",
      "7_0|RUNNING|None|n1|x-embed\n7_1|PENDING|Resources||x-embed\n7_2|PENDING|QOSMaxJobs||x-embed\n7_3|PENDING|Dependency||x-join\n",
    );
    assert.deepEqual(await crew.state(), {
      working: 1,
      waiting: 2,
      ended: false,
      reason: "1 worker of embed waits for nodes that are free (Resources); 1 worker of embed waits (QOSMaxJobs)",
    });
  });

  it("cancels the workers of a phase that never started when another has ended well", async () => {
    const crew = await slurm.start(orderOf(), never);
    programs.answers("squeue", "7_0|COMPLETED|None|n1|x-embed\n7_1|PENDING|Resources||x-embed\n");
    await crew.state();
    assert.equal(programs.calls().at(-1), "scancel --quiet --state=PENDING 7");
  });

  for (const [state, cure] of [
    ["OUT_OF_MEMORY", /more memory behind -- \(--mem\)/],
    ["TIMEOUT", /a longer --time behind --/],
    ["NODE_FAIL", /the node was lost/],
  ] as const) {
    it(`tells ${state} with the last words of the log, its path and the cure`, async () => {
      const order = orderOf();
      const crew = await slurm.start(order, never);
      const log = join(order.folder, ".work", "slurm", "embed-7_0.log");
      mkdirSync(join(order.folder, ".work", "slurm"), { recursive: true });
      writeFileSync(log, "started\nslurmstepd: error: it ended\n");
      programs.answers("squeue", `7_0|${state}|None|n3|x-embed\n7_1|RUNNING|None|n1|x-embed\n`);
      const { reason = "" } = await crew.state();
      const said = `1 worker of embed ended with ${state} on n3 ("slurmstepd: error: it ended" in ${log}): `;
      assert.ok(reason.startsWith(said), reason);
      assert.match(reason, cure);
    });
  }

  it("asks sacct for workers that squeue has forgotten, and starts one again that a signal ended", async () => {
    const crew = await slurm.start(orderOf(), never);
    programs.answers("squeue", "7_0|RUNNING|None|n1|x-embed\n7_1|FAILED|NonZeroExitCode|n1|x-embed\n");
    programs.answers("scontrol --oneliner", "JobId=9 ArrayJobId=7 Restarts=0 ExitCode=0:9\n");
    await crew.state();
    assert.equal(programs.calls().at(-1), "scontrol requeue 7_1");
    const later = await slurm.start(orderOf(), never);
    programs.answers("squeue", "7_0|RUNNING|None|n1|x-embed\n");
    await later.state();
    programs.answers("squeue", "", { code: 1, stderr: "slurm_load_jobs error: Invalid job id specified\n" });
    programs.answers("sacct", "7_0|CANCELLED by 1000|None|n1|x-embed\n", { code: 0 });
    await new Promise((resolve) => setTimeout(resolve, 4100));
    assert.match((await later.state()).reason ?? "", /ended with CANCELLED on n1/);
    assert.ok(programs.calls().some((call) => call.startsWith("sacct -X -n -P --jobs=7_0 ")));
  });

  it("is refused beforehand with the reason", async () => {
    await assert.rejects(slurm.start({ ...orderOf(), workers: 1002 }, never), (error: Error) => {
      assert.ok(error instanceof UsageError);
      return /--workers 1002 .* expected 1001 at most/.test(error.message);
    });
    assert.ok(!programs.calls().some((call) => call.startsWith("sbatch")));
    await assert.rejects(slurm.require(["--array=3"]), UsageError);
    await assert.rejects(slurm.require(["imbed:", "--mem=1G"]), /imbed: behind -- is no phase, expected read:, embed:/);
    programs.answers("sbatch", "", { code: 1, stderr: "sbatch: error: invalid partition specified: gpu\n" });
    await assert.rejects(slurm.require(["--partition=gpu"]), (error: Error) => {
      return error instanceof UsageError && /invalid partition specified: gpu/.test(error.message);
    });
    programs.answers("sbatch", "", { code: 1, stderr: "sbatch: error: Unable to contact slurm controller\n" });
    await assert.rejects(slurm.require([]), UnavailableError);
  });

  it("names what to install where Slurm is absent", async () => {
    fakePrograms(testFolder(), []);
    process.env.PATH = process.env.PATH?.split(":")[0];
    await assert.rejects(slurm.require([]), (error: Error) => {
      assert.ok(error instanceof UnavailableError);
      return /sbatch is not on PATH; .*apt-get install slurm-client/.test(error.message);
    });
  });
});
