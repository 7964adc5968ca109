import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, it } from "node:test";
import { ray } from "../../src/engine/executors/ray.js";
import { UnavailableError, UsageError } from "../../src/errors.js";
import { testFolder } from "../run/folders.js";
import { type FakePrograms, fakePrograms } from "./fake-programs.js";
import { fakeOrder } from "./fake-worker.js";

const folder = testFolder();
const never = new AbortController().signal;
let programs: FakePrograms;

const orderOf = (...engineArguments: readonly string[]) => {
  const run = join(mkdtempSync(join(folder, "run-")), "a b");
  mkdirSync(run);
  return fakeOrder(run, { tasks: 1, milliseconds: 1 }, { engineArguments, environment: ["FAKE_SECRET"] });
};
const written = (order: { readonly folder: string }, name: string) =>
  JSON.parse(readFileSync(join(order.folder, ".work", "ray", name), "utf8"));

describe("an order to Ray", () => {
  beforeEach(() => {
    programs = fakePrograms(mkdtempSync(join(folder, "ray-")), ["ray"]);
    programs.answers("ray job", "");
  });

  it("is one job whose driver lies in the run folder, with what each phase needs", async () => {
    process.env.FAKE_SECRET = "hush";
    const order = orderOf("--address=http://head:8265", "--num-cpus=2.5", "embed:", "--num-gpus=1");
    const crew = await ray.start(order, never);
    const own = join(order.folder, ".work", "ray");
    const job = readFileSync(join(own, "job"), "utf8");
    assert.match(job, /^bge-test-[0-9a-f]{8}-[0-9a-z]+$/);
    assert.deepEqual(programs.calls(), [
      `ray job submit --address=http://head:8265 --submission-id=${job} --no-wait -- python '${own}/driver.py' '${own}'`,
    ]);
    assert.equal(crew.look, `ray job logs --address=http://head:8265 ${job}`);
    assert.match(readFileSync(join(own, "driver.py"), "utf8"), /^def main\(folder\):/m);
    const { options, commands, workers, phases } = written(order, "order.json");
    assert.deepEqual([workers, phases], [2, order.phases]);
    assert.deepEqual([options.embed, options.join], [{ num_cpus: 2.5, num_gpus: 1 }, { num_cpus: 2.5 }]);
    assert.deepEqual(commands.join, [...order.command("join"), "--threads", "2"]);
    assert.deepEqual(written(order, "environment.json"), { FAKE_SECRET: "hush" });
    assert.equal(statSync(join(own, "environment.json")).mode & 0o777, 0o600);
    assert.ok(!programs.calls().join().includes("hush"));
  });

  it("tells what the driver wrote, and that a driver which is gone will not go on", async () => {
    const order = orderOf();
    const crew = await ray.start(order, never);
    assert.deepEqual([(await crew.state()).waiting, (await crew.state()).ended], [2, false]);
    const state = { working: 1, waiting: 1, ended: false, reason: "1 of 2 workers of read wait for num_cpus=1" };
    writeFileSync(join(order.folder, ".work", "ray", "state.json"), JSON.stringify(state));
    assert.deepEqual(await crew.state(), state);
    const end = { working: 0, waiting: 0, ended: true, reason: "worker 0 of read ended with exit code 3" };
    writeFileSync(join(order.folder, ".work", "ray", "state.json"), JSON.stringify(end));
    assert.deepEqual(await crew.state(), end);
  });

  it("is taken over while its job runs, and submitted anew after that", async () => {
    const order = orderOf();
    await ray.start(order, never);
    const job = readFileSync(join(order.folder, ".work", "ray", "job"), "utf8");
    programs.answers("ray job", `Status for job '${job}': RUNNING\n`);
    await ray.start(order, never);
    assert.deepEqual(order.notes, [`the workers are on Ray already: job ${job}`]);
    programs.answers("ray job", "", { code: 1, stderr: `RuntimeError: Job ${job} does not exist\n` });
    await assert.rejects(ray.start(order, never), /Ray does not take the job/);
    assert.notEqual(readFileSync(join(order.folder, ".work", "ray", "job"), "utf8"), job);
  });

  it("is refused beforehand with the reason", async () => {
    await assert.rejects(ray.require(["--gpus=1"]), (error: Error) => {
      return error instanceof UsageError && /'--gpus'; expected --address, .*--num-gpus/.test(error.message);
    });
    await assert.rejects(ray.require(["--resources=disk"]), /expected JSON such as/);
    await assert.rejects(ray.require(["--num-cpus=some"]), /--num-cpus=some behind -- is not a number/);
    programs.answers("ray job", "", { code: 1, stderr: "Traceback\nConnectionError: Failed to connect to Ray\n" });
    await assert.rejects(ray.require([]), (error: Error) => {
      assert.ok(error instanceof UnavailableError);
      return /\(ConnectionError: Failed to connect to Ray\).*RAY_ADDRESS/.test(error.message);
    });
    fakePrograms(mkdtempSync(join(folder, "none-")), []);
    process.env.PATH = process.env.PATH?.split(":")[0];
    await assert.rejects(ray.require([]), (error: Error) => {
      return (
        error instanceof UnavailableError && /ray is not on PATH; .*pip install "ray\[default\]"/.test(error.message)
      );
    });
  });
});
