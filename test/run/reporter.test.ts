import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { timedReporter } from "../../src/reporter.js";

const silent = { stage: () => ({ advance() {}, end() {} }), note() {} };

test("stages that overlap are timed each by itself, with what their parts took", async () => {
  const reporter = timedReporter(silent);
  const read = reporter.stage("read", 1);
  await setTimeout(20);
  const embed = reporter.stage("embed", 1);
  read.waited?.("read", 5);
  embed.busy?.("tokenize", 3);
  embed.busy?.("embed", 4);
  embed.busy?.("embed", 6);
  embed.waited?.("store", 2);
  await setTimeout(20);
  read.end();
  read.waited?.("read", 7);
  await setTimeout(20);
  embed.end();
  reporter.stage("failed", 1);
  const [first, second, ...more] = reporter.stages;
  assert.deepEqual(more, []);
  assert.deepEqual([first.name, first.busy, first.waited], ["read", undefined, { read: 0.012 }]);
  assert.deepEqual([second.name, second.busy], ["embed", { tokenize: 0.003, embed: 0.01 }]);
  assert.deepEqual(second.waited, { store: 0.002 });
  assert.ok(first.start < second.start && second.start < first.start + first.seconds, "they overlap");
  assert.ok(second.start + second.seconds > first.start + first.seconds, "and end one after the other");
  assert.deepEqual(Object.keys(reporter.seconds), ["read", "embed"]);
  assert.ok(Math.abs(reporter.seconds.embed - second.seconds) <= 0.0005);
});

test("a stage without parts has no times but its own", () => {
  const reporter = timedReporter(silent);
  reporter.stage("join", 1).end();
  assert.deepEqual(Object.keys(reporter.stages[0]), ["name", "start", "seconds"]);
});
