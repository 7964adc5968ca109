import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { slurm } from "../../src/engine/executors/slurm.js";
import { testFolder } from "../run/folders.js";
import { fakeOrder, isDone, startedWorkers } from "./fake-worker.js";
import { type SlurmCluster, skipped, startSlurm, until } from "./slurm-cluster.js";
import { killHolder, requireSameBytes } from "./whole-run.js";

const folder = testFolder();
const whole = testFolder();
const lost: string[] = [];
const never = new AbortController().signal;

describe("an order on a real Slurm", { skip: skipped }, () => {
  let cluster: SlurmCluster;
  before(async () => {
    cluster = await startSlurm(folder);
    Object.assign(process.env, cluster.environment);
  });
  after(() => cluster?.stop());

  it("goes through all phases by itself, each worker with the threads that Slurm gave it", async () => {
    const order = fakeOrder(testFolder(), { tasks: 6, milliseconds: 100 }, { workers: 3 });
    await slurm.require(order.engineArguments);
    const crew = await slurm.start(order, never);
    await until(() => isDone(order.folder), "the end of the run");
    const [started] = startedWorkers(order.folder, "join");
    const { arguments: words } = JSON.parse(readFileSync(join(order.folder, "join", started), "utf8"));
    assert.deepEqual(words, ["work", order.folder, "--phase", "join", "--threads", "1"]);
    await until(async () => (await crew.state()).ended, "the end of the workers");
    await crew.stop();
    assert.equal(cluster.run("squeue", "--noheader"), "");
  });

  it("is taken over by a second call, which starts no second set of workers", async () => {
    const order = fakeOrder(testFolder(), { tasks: 2, milliseconds: 4000 });
    const first = await slurm.start(order, never);
    const second = await slurm.start(order, never);
    assert.equal(second.look, first.look);
    assert.equal(order.notes.length, 4);
    assert.match(order.notes[0], /^2 workers of read are in Slurm already: job \d+$/);
    await second.stop();
    assert.equal(cluster.run("squeue", "--noheader"), "");
    assert.ok(!isDone(order.folder));
  });

  it("starts the worker of a lost node and a killed worker again, and finishes", async () => {
    const order = fakeOrder(testFolder(), { tasks: 1000, milliseconds: 500 }, { workers: 3, phases: ["read"] });
    const crew = await slurm.start(order, never);
    await until(() => startedWorkers(order.folder, "read").length === 3, "three workers");
    const [lost, killed] = cluster.run("squeue", "--noheader", "--array", "--format=%i %N").trim().split("\n");
    const [id, node] = lost.split(" ");
    await cluster.killNode(node);
    cluster.run("scancel", "--batch", "--signal=KILL", killed.split(" ")[0]);
    const restarts = (element: string) => /Restarts=(\d+)/.exec(cluster.run("scontrol", "show", "job", element))?.[1];
    for (const element of [id, killed.split(" ")[0]]) {
      await until(async () => {
        await crew.state();
        return restarts(element) === "1";
      }, `a second start of ${element}`);
    }
    await until(() => startedWorkers(order.folder, "read").length === 5, "five starts");
    // More tasks than the workers do meanwhile; what is left is done at once.
    for (let task = 0; task < 1000; task++) writeFileSync(join(order.folder, "read", `${task}.done`), "");
    await until(async () => (await crew.state()).ended, "the end of the workers");
    assert.equal((await crew.state()).reason, undefined);
    assert.equal(startedWorkers(order.folder, "read").length, 5);
    await crew.stop();
    await cluster.startNode(node);
  });

  it("ends with the words of a worker that failed, its log and the cure", async () => {
    const order = fakeOrder(testFolder(), { tasks: 2, milliseconds: 10, exitCode: 3 });
    const crew = await slurm.start(order, never);
    await until(async () => (await crew.state()).ended, "the end of the workers");
    const { working, waiting, reason = "" } = await crew.state();
    assert.deepEqual([working, waiting], [0, 0]);
    assert.match(reason, /2 workers of read ended with FAILED on n\d/);
    assert.match(reason, /"error: the fake was told to end with 3" in .*read-\d+_\d\.log/);
    assert.equal(readdirSync(join(order.folder, ".work", "slurm")).length, 2);
    await crew.stop();
  });

  it("gives the bytes of one machine, with a node lost and a worker killed in the middle of a task", async () => {
    const told = await requireSameBytes(whole, ["--executor", "slurm", "--workers", "3"], async (out) => {
      await killHolder(out);
      const running = () => cluster.run("squeue", "--noheader", "--states=RUNNING", "--format=%N").trim().split("\n");
      await until(() => running()[0] !== "", "a worker on a node");
      const [node] = running();
      await cluster.killNode(node);
      lost.push(node);
    });
    assert.match(told, /the engine shows the workers by squeue --jobs=\d+/);
    assert.equal(lost.length, 1, "a node was lost before the run ended");
    await cluster.startNode(lost[0]);
    assert.equal(cluster.run("squeue", "--noheader"), "");
  });
});
