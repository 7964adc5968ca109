import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Provider } from "../../src/onnx/ort-engine.js";
import {
  chooseJoinDevice,
  type JoinWorld,
  MEASURED_JOINS,
  type MeasuredJoin,
} from "../../src/run/embed/join-device.js";

/** A machine whose devices take so many nanoseconds for a pair, or fail with a reason. */
function machine(
  devices: Partial<Record<Provider, number | string>>,
  absent: Partial<Record<Provider, string>> = {},
): JoinWorld & { probed: Provider[] } {
  const probed: Provider[] = [];
  return {
    probed,
    backends: async () => ["cpu", "webgpu", "cuda"],
    absence: (provider) => absent[provider],
    async probeJoin(provider) {
      probed.push(provider);
      const found = devices[provider] ?? "not there";
      return typeof found === "number" ? { pairNs: found } : { error: found };
    },
  };
}

/** Two tens of seconds to start, 10 us a row, half of the probed rate. */
const CARD: MeasuredJoin = { provider: "cuda", startSeconds: 20, rowNs: 10_000, share: 0.5, where: "made up" };
const auto = (rows: number) => ({ device: "auto", used: "cpu", rows }) as const;

describe("the device of the join", () => {
  it("is by --device auto the processor where no join was measured on such a device, and says so", async () => {
    const world = machine({ cpu: 0.5, cuda: 0.001 }, { webgpu: "no GPU" });
    const { provider, reason } = await chooseJoinDevice(auto(1e7), world, []);
    assert.equal(provider, "cpu");
    assert.match(
      reason ?? "",
      /on the processor; cuda: no join has been measured on such a device, --device cuda tries/,
    );
    assert.deepEqual(world.probed, []);
  });

  it("is the measured device where the estimate of the join is clearly less there", async () => {
    const world = machine({ cpu: 0.5, cuda: 0.001 });
    // 5e13 pairs: 20 + 100 + 100 s there, 25,000 s of the probe's products here, which the join needs fewer of.
    const { provider, reason } = await chooseJoinDevice(auto(1e7), world, [CARD]);
    assert.equal(provider, "cuda");
    assert.match(reason ?? "", /cuda: about 220 s, the processor 10,417 s/);
    assert.deepEqual(world.probed, ["cuda", "cpu"]);
  });

  it("is the processor where the device's start, rows or products take too long", async () => {
    // 1e6 rows: 5e11 pairs, 104 s or, on a processor of 64 cores, 3 s.
    for (const [cuda, cpu, expected] of [
      [0.001, 0.5, "cuda"],
      [0.001, 0.015, "cpu"],
      [0.2, 0.5, "cpu"],
    ] as const) {
      const { provider } = await chooseJoinDevice(auto(1e6), machine({ cpu, cuda }), [CARD]);
      assert.equal(provider, expected, `${cuda} and ${cpu} ns`);
    }
  });

  it("is the processor where a measured device fails its probe, with the reason", async () => {
    const { provider, reason } = await chooseJoinDevice(auto(1e7), machine({ cpu: 1, cuda: "no driver" }), [CARD]);
    assert.equal(provider, "cpu");
    assert.match(reason ?? "", /cuda: no driver/);
  });

  it("is the processor without a word or a probe for fewer than 250,000 vectors, or without a GPU", async () => {
    const world = machine({ cpu: 0.5, cuda: 0.001 }, { cuda: "no GPU", webgpu: "no GPU" });
    assert.deepEqual(await chooseJoinDevice(auto(249_999), machine({ cuda: 0.001 }), [CARD]), { provider: "cpu" });
    assert.deepEqual(await chooseJoinDevice(auto(1e7), world, [CARD]), { provider: "cpu" });
    assert.deepEqual(world.probed, []);
  });

  it("is the one that the user named, whatever was measured", async () => {
    for (const device of ["cpu", "webgpu"] as const) {
      const { provider } = await chooseJoinDevice({ device, used: "webgpu", rows: 10 }, machine({}), []);
      assert.equal(provider, device);
    }
  });

  it("is CUDA's for a million vectors by what was measured, on few cores and on sixteen, and not for a quarter of them", async () => {
    // Nanoseconds of a pair as probed on an H200, on 16 cores with VNNI and on 2 without.
    const deviceOf = async (cpu: number, rows: number) =>
      (await chooseJoinDevice(auto(rows), machine({ cpu, cuda: 0.0069 }, { webgpu: "no GPU" }))).provider;
    assert.equal(await deviceOf(0.224, 1e6), "cuda");
    assert.equal(await deviceOf(3, 1e6), "cuda");
    assert.equal(await deviceOf(0.224, 250_000), "cpu");
  });

  it("is decided by entries that say where they were measured", () => {
    for (const { where, share, rowNs, startSeconds } of MEASURED_JOINS) {
      assert.match(where, /\S+/);
      assert.ok(share > 0 && share <= 1 && rowNs > 0 && startSeconds >= 0, where);
    }
  });
});
