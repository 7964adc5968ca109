import assert from "node:assert/strict";
import { it } from "node:test";
import { kindsOf, unpinned } from "../../src/engine/embed/kinds.js";

/** An embed task on a host. */
const on = (host: string | undefined, processor: string, probe: string, device: "cpu" | "cuda" = "cpu") => ({
  host,
  facts: { kind: { device, processor, probe }, vectors: 1 },
});

it("a run is pinned to the kind of its first task", () => {
  assert.deepEqual(kindsOf([]), { others: [], warnings: [] });
  const { pinned, others, warnings } = kindsOf([on("a", "epyc", "1"), on("b", "epyc", "1")].entries());
  assert.deepEqual([pinned, others, warnings], [{ device: "cpu", processor: "epyc", probe: "1" }, [], []]);
});

it("the bits of the probe decide, whatever the processor is called", () => {
  const tasks = [on("a", "epyc", "1"), on("b", "xeon", "1"), on("c", "epyc", "2")];
  assert.deepEqual(kindsOf(tasks.entries()).others, [2]);
});

it("tasks are named by host and kind, in one sentence however many they are", () => {
  const tasks = [
    on("a", "epyc", "1"),
    ...Array.from({ length: 8 }, () => on("b", "xeon", "2")),
    on("c", "", "3", "cuda"),
  ];
  assert.deepEqual(kindsOf(tasks.entries()).warnings, [
    "tasks 1, 2, 3, 4, 5 and 3 more on host b embedded on another kind of processor (xeon) than task 0 (epyc): their vectors may differ in their last bits",
    "task 9 on host c embedded on another kind of processor (cuda) than task 0 (epyc): its vectors may differ in their last bits",
  ]);
  assert.match(kindsOf(tasks.slice(0, 3).entries()).warnings[0], /^tasks 1 and 2 on host b/);
});

it("a task without a vector has nothing that could differ", () => {
  const none = { ...on("b", "xeon", "2"), facts: { ...on("b", "xeon", "2").facts, vectors: 0 } };
  assert.deepEqual(kindsOf([on("a", "epyc", "1"), none].entries()).others, []);
});

it("a task that is done is numbered as it is, though others are not done", () => {
  const tasks = [[3, on(undefined, "epyc", "1")] as const, [7, on(undefined, "xeon", "2")] as const];
  assert.deepEqual(kindsOf(tasks).warnings, [
    "task 7 embedded on another kind of processor (xeon) than task 3 (epyc): its vectors may differ in their last bits",
  ]);
});

it("a task that took all from a cache has the bits of other tasks on such a processor, or else its processor decides", () => {
  const cached = on("b", "xeon", "");
  assert.deepEqual(kindsOf([on("a", "epyc", "1"), cached].entries()).others, [1]);
  assert.deepEqual(kindsOf([on("a", "epyc", "1"), cached, on("c", "xeon", "1")].entries()).others, []);
  assert.deepEqual(kindsOf([cached, on("a", "epyc", "1"), on("c", "xeon", "2")].entries()).others, [1]);
  assert.deepEqual(kindsOf([on("a", "epyc", ""), on("b", "epyc", "1")].entries()).others, []);
});

it("vectors of a server or of the input have no kind, and what no plan can pin is told", () => {
  assert.deepEqual(kindsOf([on("a", "", ""), on("b", "", "")].entries()).others, []);
  assert.equal(unpinned("cpu"), undefined);
  assert.match(unpinned("cuda") ?? "", /^on cuda the last bits of a vector depend on its batch/);
  assert.match(unpinned("endpoint") ?? "", /^behind a server/);
});
