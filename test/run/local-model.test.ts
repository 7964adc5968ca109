import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LocalModelOptions, prepareLocalModel } from "../../src/run/embed/local-model.js";
import { tinyModel } from "../models/golden.js";

/** Prepares a model on the processor and collects what is said. */
async function prepare(options: Partial<LocalModelOptions>) {
  const notes: string[] = [];
  const prepared = await prepareLocalModel(
    {
      model: tinyModel("tiny-bert"),
      device: "cpu",
      dtype: "auto",
      long: "truncate",
      threads: 1,
      memory: 4 * 2 ** 30,
      ...options,
    },
    { note: (message) => notes.push(message), stage: () => ({ advance() {}, end() {} }) },
  );
  return { ...prepared, notes };
}

describe("a local model", () => {
  it("is taken in fp32 on a processor unless another element type is asked for", async () => {
    assert.equal((await prepare({})).model.dtype, "fp32");
    assert.equal((await prepare({ dtype: "int8" })).model.dtype, "int8");
  });

  it("is said with its device and the reason", async () => {
    const { notes } = await prepare({});
    assert.equal(notes.length, 1);
    assert.match(notes[0], /tiny-bert \(fp32\) on cpu: as asked for by --device/);
  });

  it("embeds when it is started, and only then", async () => {
    const { start } = await prepare({ long: "mean", maxLength: 16 });
    const embedder = await start();
    const { truncated, directed } = await embedder.embed(["好".repeat(100)]);
    assert.deepEqual([truncated[0], directed[0], embedder.dim], [0, 1, 32]);
    await embedder.close();
  });

  it("says that the builtin model has no windows to average", async () => {
    const { notes } = await prepare({ model: "builtin", long: "mean" });
    assert.ok(notes.some((note) => note.startsWith("--long mean has no effect on the builtin model")));
  });
});
