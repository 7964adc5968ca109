import assert from "node:assert/strict";
import { test } from "node:test";
import { killRuns } from "./kill.js";

test("both commands, killed at random moments of every stage, end with the bytes of a run that was left alone", async () => {
  const { kills, byStage, compared } = await killRuns({ kills: 9, rows: 1200, seed: 11, most: 5 });
  assert.equal(kills, 9);
  assert.ok(compared >= 3, `${compared} runs of each command and input were compared`);
  assert.ok(Object.keys(byStage).length >= 5, JSON.stringify(byStage));
});
