import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { runRounds } from "./rounds.js";

test("memory does not grow from run to run in one process", async () => {
  setFlagsFromString("--expose-gc");
  globalThis.gc = runInNewContext("gc") as NodeJS.GCFunction;
  const { early, late } = await runRounds(40, 200);
  // 500 rounds end within 20 MiB of where the first fifty did; a vector store that is not let go takes 1 MiB a round.
  assert.ok(late - early < 30, `${early.toFixed(0)} MiB after ten rounds, ${late.toFixed(0)} after forty`);
});
