import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UnavailableError } from "../../src/errors.js";
import type { Provider } from "../../src/onnx/ort-engine.js";
import { chooseDevice, type DeviceWorld } from "../../src/run/embed/device.js";

/** A machine whose devices answer as given; the library has them all unless said otherwise. */
function machine(
  devices: Partial<Record<Provider, number | string>>,
  options: { backends?: readonly string[]; absent?: Partial<Record<Provider, string>> } = {},
): DeviceWorld & { probed: Provider[] } {
  const probed: Provider[] = [];
  return {
    probed,
    backends: async () => options.backends ?? ["cpu", "webgpu", "cuda"],
    absence: (provider) => options.absent?.[provider],
    async probe(provider) {
      probed.push(provider);
      const found = devices[provider] ?? "not there";
      return typeof found === "number" ? { gflops: found, half: provider !== "cpu" } : { error: found };
    },
  };
}

describe("--device auto", () => {
  it("takes CUDA before WebGPU, and half precision with it", async () => {
    const choice = await chooseDevice(
      { device: "auto", builtin: false },
      machine({ cpu: 300, cuda: 20_000, webgpu: 9000 }),
    );
    assert.equal(choice.provider, "cuda");
    assert.equal(choice.half, true);
    assert.match(choice.reason, /20000 GFLOP\/s against 300 GFLOP\/s of the processor/);
  });

  it("takes WebGPU where CUDA does not load, and says why", async () => {
    const world = machine({ cpu: 300, cuda: "no driver", webgpu: 9000 });
    const choice = await chooseDevice({ device: "auto", builtin: false }, world);
    assert.equal(choice.provider, "webgpu");
    assert.match(choice.reason, /cuda: no driver/);
  });

  it("leaves a driver that computes in software alone", async () => {
    const choice = await chooseDevice({ device: "auto", builtin: false }, machine({ cpu: 300, webgpu: 2 }));
    assert.equal(choice.provider, "cpu");
    assert.match(choice.reason, /webgpu: 2\.0 GFLOP\/s against 300 GFLOP\/s/);
  });

  it("tries nothing where there is no GPU to try", async () => {
    const world = machine({ cpu: 300 }, { absent: { cuda: "no GPU", webgpu: "no GPU" } });
    const choice = await chooseDevice({ device: "auto", builtin: false }, world);
    assert.equal(choice.provider, "cpu");
    assert.equal(choice.reason, "cuda: no GPU; webgpu: no GPU");
    assert.deepEqual(world.probed, []);
  });

  it("takes the processor for the builtin model without trying anything", async () => {
    const world = machine({ cuda: 20_000 });
    assert.equal((await chooseDevice({ device: "auto", builtin: true }, world)).provider, "cpu");
    assert.deepEqual(world.probed, []);
  });
});

describe("a device asked for by name", () => {
  it("is taken even where it is slow", async () => {
    const choice = await chooseDevice({ device: "webgpu", builtin: false }, machine({ cpu: 300, webgpu: 2 }));
    assert.equal(choice.provider, "webgpu");
  });

  for (const [device, why, cure] of [
    ["cuda", "libcublasLt.so.13: cannot open shared object file", /that has libcublasLt\.so\.13 .* LD_LIBRARY_PATH/],
    ["cuda", "libcuda.so.1: cannot open shared object file", /no NVIDIA device or driver/],
    ["cuda", "the CUDA provider is not installed", /ONNXRUNTIME_NODE_INSTALL=cuda12 node .*install\.js/],
    ["cuda", "Failed to load shared library", /ONNXRUNTIME_NODE_INSTALL=cuda12 node .*install\.js/],
    ["webgpu", "Failed to get a WebGPU adapter: No supported adapters", /libvulkan1/],
    ["webgpu", "the process that tried it ended with SIGSEGV", /--device cpu always works/],
  ] as const) {
    it(`is never replaced: ${device} that fails by "${why}" ends the run with a cure`, async () => {
      await assert.rejects(chooseDevice({ device, builtin: false }, machine({ [device]: why })), (error: Error) => {
        assert.ok(error instanceof UnavailableError);
        assert.ok(error.message.includes(why));
        assert.match(error.message, cure);
        return true;
      });
    });
  }

  it("is not tried where the library does not have it", async () => {
    const world = machine({}, { backends: ["cpu"] });
    await assert.rejects(chooseDevice({ device: "dml", builtin: false }, world), /exists on Windows only/);
    assert.deepEqual(world.probed, []);
  });
});
