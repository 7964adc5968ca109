import assert from "node:assert/strict";
import { test } from "node:test";
import { takeDevice } from "../../src/onnx/device-turn.js";

test("a device is had by one thread at a time, a processor by any number", () => {
  const giveBack = takeDevice("webgpu");
  assert.throws(() => takeDevice("webgpu"), /computes on webgpu already/);
  takeDevice("cuda")();
  giveBack();
  takeDevice("webgpu")();
  takeDevice("cpu");
  takeDevice("cpu");
});
