import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { ray } from "../../src/engine/executors/ray.js";
import { testFolder } from "../run/folders.js";
import { doneTasks, fakeOrder, isDone, startedWorkers } from "./fake-worker.js";
import { type RayCluster, skipped, startRay } from "./ray-cluster.js";
import { until } from "./slurm-cluster.js";
import { killHolder, requireSameBytes } from "./whole-run.js";

const folder = testFolder();
const whole = testFolder();
const never = new AbortController().signal;

const callOf = (order: { readonly folder: string }, phase: "read" | "embed", at = 0) => {
  const name = startedWorkers(order.folder, phase)[at];
  return JSON.parse(readFileSync(join(order.folder, phase, name), "utf8")) as {
    pid: number;
    arguments: string[];
    secret?: string;
  };
};

describe("an order on a real Ray", { skip: skipped }, () => {
  let cluster: RayCluster;
  before(async () => {
    cluster = await startRay(folder);
    Object.assign(process.env, cluster.environment);
  });
  after(() => cluster?.stop());

  it("goes through all phases, each worker with the processors of its phase and the secrets of this process", async () => {
    process.env.FAKE_SECRET = "hush";
    const given = { engineArguments: ["--num-cpus=1", "embed:", "--num-cpus=2"], environment: ["FAKE_SECRET"] };
    const order = fakeOrder(testFolder(), { tasks: 4, milliseconds: 100 }, given);
    await ray.require(order.engineArguments);
    const crew = await ray.start(order, never);
    await until(async () => (await crew.state()).ended, "the end of the workers");
    assert.equal((await crew.state()).reason, undefined);
    assert.ok(isDone(order.folder));
    assert.deepEqual(callOf(order, "read").arguments, ["work", order.folder, "--phase", "read", "--threads", "1"]);
    assert.equal(callOf(order, "embed").arguments.at(-1), "2");
    assert.equal(callOf(order, "embed").secret, "hush");
    await crew.stop();
  });

  it("is taken over by a second call, replaces killed workers and tells who waits", async () => {
    const order = fakeOrder(testFolder(), { tasks: 60, milliseconds: 500 }, { workers: 3, phases: ["read"] });
    await ray.start(order, never);
    await until(() => startedWorkers(order.folder, "read").length === 2, "two workers");
    const crew = await ray.start(order, never);
    assert.match(order.notes.join(), /^the workers are on Ray already: job bge-test-/);
    await until(async () => (await crew.state()).reason !== undefined, "a worker that waits");
    assert.match((await crew.state()).reason ?? "", /^1 of 3 workers of read wait for num_cpus=1$/);
    // The third worker takes the place of the one, and a replacement the place of the other.
    for (const at of [0, 1]) process.kill(callOf(order, "read", at).pid, "SIGKILL");
    await until(async () => (await crew.state()).ended, "the end of the workers");
    assert.equal((await crew.state()).reason, undefined);
    assert.equal(doneTasks(order.folder, "read").length, 60);
    assert.ok(startedWorkers(order.folder, "read").length >= 4, "two more workers came");
    await crew.stop();
  });

  it("is stopped with all its workers", async () => {
    const order = fakeOrder(testFolder(), { tasks: 100, milliseconds: 500 });
    const crew = await ray.start(order, never);
    await until(() => startedWorkers(order.folder, "read").length === 2, "two workers");
    const { pid } = callOf(order, "read");
    await crew.stop();
    await until(() => !isAlive(pid), "the end of the process");
  });

  it("ends with the words of a worker that failed", async () => {
    const order = fakeOrder(testFolder(), { tasks: 2, milliseconds: 10, exitCode: 3 });
    const crew = await ray.start(order, never);
    await until(async () => (await crew.state()).ended, "the end of the workers");
    const { reason = "" } = await crew.state();
    assert.match(reason, /^worker \d of read ended with exit code 3: error: the fake was told to end with 3 \(log: /);
    await crew.stop();
  });

  it("gives the bytes of one machine, with a worker killed in the middle of a task", async () => {
    const killed: string[] = [];
    const told = await requireSameBytes(whole, ["--executor", "ray", "--workers", "2"], async (out) => {
      killed.push(await killHolder(out));
    });
    assert.equal(killed.length, 1);
    assert.match(told, /the engine shows the workers by ray job logs /);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
