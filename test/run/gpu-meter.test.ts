import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { runCluster } from "../../src/run/cluster.js";
import { clusterOptions } from "../../src/run/flags/cluster.js";
import { createGpuMeter, type GpuMeter } from "../../src/run/work/gpu-meter.js";
import { dedup, silent, testFolder, writeJsonl } from "./folders.js";

const folder = testFolder();
const path = process.env.PATH ?? "";
let bin = "";
let meters: GpuMeter[] = [];

beforeEach(() => {
  bin = mkdtempSync(join(folder, "bin-"));
  process.env.PATH = `${bin}${delimiter}${path}`;
  meters = [];
});
afterEach(() => {
  for (const meter of meters) meter.stop();
  process.env.PATH = path;
});

/** Puts a program in the place of nvidia-smi. It leaves its arguments and its process in a file. */
function fakeNvidiaSmi(script: string): void {
  const file = join(bin, "nvidia-smi");
  writeFileSync(file, `#!/bin/sh\necho "$$ $@" > '${bin}/called'\n${script}\n`);
  chmodSync(file, 0o755);
}

const meter = (visible?: string) => {
  const made = createGpuMeter(visible);
  meters.push(made);
  return made;
};

async function until(reached: () => boolean): Promise<void> {
  while (!reached()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const samplesOf = (gpus: GpuMeter) => (gpus.record().gpu ?? []).reduce((sum, { samples }) => sum + samples, 0);

/** Waits for samples and returns what they came to. */
async function sampled(gpus: GpuMeter, samples: number) {
  gpus.watch("cuda");
  await until(() => samplesOf(gpus) >= samples);
  return gpus.record().gpu;
}

const FOREVER = "exec sleep 600";
const two = (share: string, used: string) => `printf '%s\\n' \
  '0, GPU-8932f937-aa, NVIDIA H100 80GB HBM3, ${share}, ${used}, 81559' \
  '1, GPU-11111111-bb, NVIDIA L4, 7, 100, 23034'`;

describe("the meter of GPUs", () => {
  it("keeps mean and maximum of use and the most memory of each GPU", async () => {
    fakeNvidiaSmi(`${two("10", "1000")}\n${two("97", "3000")}\n${two("20", "2000")}\n${FOREVER}`);
    const gpus = meter();
    assert.deepEqual(gpus.record(), {});
    assert.deepEqual(await sampled(gpus, 6), [
      {
        index: 0,
        name: "NVIDIA H100 80GB HBM3",
        samples: 3,
        utilization_mean: 0.423,
        utilization_max: 0.97,
        memory_max: 3000 * 2 ** 20,
        memory_size: 81_559 * 2 ** 20,
      },
      {
        index: 1,
        name: "NVIDIA L4",
        samples: 3,
        utilization_mean: 0.07,
        utilization_max: 0.07,
        memory_max: 100 * 2 ** 20,
        memory_size: 23_034 * 2 ** 20,
      },
    ]);
    assert.match(readFileSync(join(bin, "called"), "utf8"), /--format=csv,noheader,nounits --loop=1$/m);
  });

  it("is started for CUDA alone, and once", async () => {
    fakeNvidiaSmi(`echo x >> '${bin}/starts'\n${two("10", "1000")}\n${FOREVER}`);
    const gpus = meter();
    for (const device of ["cpu", "webgpu", "endpoint", "dml"]) gpus.watch(device);
    assert.equal(existsSync(join(bin, "starts")), false);
    await sampled(gpus, 2);
    gpus.watch("cuda");
    await sampled(gpus, 2);
    assert.equal(readFileSync(join(bin, "starts"), "utf8"), "x\n");
  });

  it("ends nvidia-smi when it is stopped, and keeps the samples", async () => {
    fakeNvidiaSmi(`${two("10", "1000")}\n${FOREVER}`);
    const gpus = meter();
    await sampled(gpus, 2);
    const process_ = Number(readFileSync(join(bin, "called"), "utf8").split(" ")[0]);
    gpus.stop();
    gpus.stop();
    await until(() => {
      try {
        return process.kill(process_, 0) !== true;
      } catch {
        return true;
      }
    });
    assert.equal(samplesOf(gpus), 2);
  });

  it("counts only the GPUs that the run can see", async () => {
    fakeNvidiaSmi(`${two("10", "1000")}\n${two("10", "1000")}\n${FOREVER}`);
    const seen = async (visible: string | undefined, samples: number) =>
      (await sampled(meter(visible), samples))?.map(({ index }) => index);
    assert.deepEqual(await seen("1", 2), [1]);
    assert.deepEqual(await seen("1, 0", 4), [0, 1]);
    assert.deepEqual(await seen("GPU-8932", 2), [0]);
    assert.deepEqual(await seen("MIG-7f0c/1/0", 4), [0, 1]);
    assert.deepEqual(await seen(undefined, 4), [0, 1]);
  });

  it("takes what the driver does not tell for unknown, not for nothing", async () => {
    fakeNvidiaSmi(`echo '0, GPU-1, H100 MIG, [N/A], 500, [Not Supported]'\n${FOREVER}`);
    assert.deepEqual(await sampled(meter(), 1), [
      { index: 0, name: "H100 MIG", samples: 1, memory_max: 500 * 2 ** 20 },
    ]);
  });

  it("passes over everything else that nvidia-smi says, and a broken line", async () => {
    fakeNvidiaSmi(
      `echo 'No devices were found'; echo; echo 'Failed to initialize NVML: Driver/library version mismatch, 1, 2, 3, 4, 5'
       head -c 100000 /dev/zero | tr '\\0' ','; echo
       printf '0, GPU-1, H100, 5'; sleep 0.05; printf '0, 500, 1000\\r\\n'; ${FOREVER}`,
    );
    assert.deepEqual(await sampled(meter(), 1), [
      {
        index: 0,
        name: "H100",
        samples: 1,
        utilization_mean: 0.5,
        utilization_max: 0.5,
        memory_max: 500 * 2 ** 20,
        memory_size: 1000 * 2 ** 20,
      },
    ]);
  });

  it("has nothing to tell where nvidia-smi is missing, is no program, dies or sees no GPU", async () => {
    const gone = meter();
    process.env.PATH = bin;
    gone.watch("cuda");
    writeFileSync(join(bin, "nvidia-smi"), "no program");
    const none = meter();
    none.watch("cuda");
    process.env.PATH = `${bin}${delimiter}${path}`;
    fakeNvidiaSmi("echo 'NVIDIA-SMI has failed'; exit 9");
    const dying = meter();
    dying.watch("cuda");
    await until(() => existsSync(join(bin, "called")));
    await new Promise((resolve) => setTimeout(resolve, 20));
    for (const gpus of [gone, none, dying]) assert.deepEqual(gpus.record(), {});
  });

  it("keeps the process alive neither by a silent nvidia-smi nor by one that goes on", () => {
    for (const script of [FOREVER, "trap '' TERM; while :; do echo '0, G, H, 1, 2, 3'; sleep 0.01; done"]) {
      fakeNvidiaSmi(script);
      const module = new URL("../../src/run/work/gpu-meter.js", import.meta.url).href;
      const code = `const { createGpuMeter } = await import(${JSON.stringify(module)}); createGpuMeter().watch("cuda");`;
      const { status, signal } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { timeout: 60_000 });
      assert.deepEqual([status, signal], [0, null], script);
      const [pid] = readFileSync(join(bin, "called"), "utf8").split(" ");
      // One that is silent outlives the process, which cannot be helped where the process was killed.
      if (script === FOREVER) process.kill(Number(pid), "SIGKILL");
    }
  });
});

describe("a run on CUDA", () => {
  /** A meter that takes the processor for a GPU, since this machine has none. */
  const everywhere = (): GpuMeter => {
    const gpus = meter();
    return { ...gpus, watch: () => gpus.watch("cuda") };
  };
  const input = writeJsonl(join(folder, "rows.jsonl"), [{ text: "where is my parcel" }, { text: "how do I pay" }]);

  it("has the use of the GPUs in its summary and its manifest", async () => {
    fakeNvidiaSmi(`${two("40", "1000")}\n${FOREVER}`);
    const gpus = everywhere();
    await sampled(gpus, 2);
    const out = join(folder, "out");
    const { gpu } = await dedup([input], out, { context: { gpus } });
    assert.deepEqual(
      gpu?.map(({ name, utilization_max }) => [name, utilization_max]),
      [
        ["NVIDIA H100 80GB HBM3", 0.4],
        ["NVIDIA L4", 0.07],
      ],
    );
    const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8")) as { gpu: unknown };
    assert.deepEqual(manifest.gpu, gpu);
  });

  it("starts the meter when the device is known, and stops it also where the run fails", async () => {
    const calls: string[] = [];
    const gpus: GpuMeter = {
      watch: (device) => void calls.push(device),
      record: () => ({}),
      stop: () => void calls.push("stop"),
    };
    const context = { gpus, reporter: silent, stdin: process.stdin };
    await dedup([input], join(folder, "watched"), { context });
    assert.deepEqual(calls, ["cpu", "cpu", "stop"]);
    calls.length = 0;
    await runCluster(clusterOptions({ k: 1, out: join(folder, "clusters") }, [input]), context);
    assert.deepEqual(calls, ["cpu", "stop"]);
    calls.length = 0;
    await assert.rejects(dedup([join(folder, "missing.jsonl")], join(folder, "none"), { context }));
    assert.deepEqual(calls, ["stop"]);
  });

  it("without a GPU has no word of GPUs", async () => {
    assert.equal("gpu" in (await dedup([input], join(folder, "plain"))), false);
  });
});
