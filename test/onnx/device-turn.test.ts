import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { deviceTurn } from "../../src/onnx/device-turn.js";

test("a device is had by one thread at a time, in the order of asking, a processor by any number", async () => {
  const order: string[] = [];
  const take = async (name: string) => {
    const end = await deviceTurn("webgpu");
    order.push(name);
    return end;
  };
  const [first, second, third] = [take("first"), take("second"), take("third")];
  const endFirst = await first;
  (await deviceTurn("cuda"))();
  await deviceTurn("cpu");
  await deviceTurn("cpu");
  await setImmediate();
  assert.deepEqual(order, ["first"]);
  endFirst();
  endFirst();
  const endSecond = await second;
  await setImmediate();
  assert.deepEqual(order, ["first", "second"]);
  endSecond();
  (await third)();
  (await take("fourth"))();
  assert.deepEqual(order, ["first", "second", "third", "fourth"]);
});
