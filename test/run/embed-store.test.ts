import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { StaleWorkError } from "../../src/run/embed/earlier-work.js";
import { embedToStore } from "../../src/run/embed/embed-store.js";
import type { TextWindow } from "../../src/run/read/read-texts.js";
import { openWorkArea } from "../../src/run/work/work-area.js";
import { EMBEDDINGS } from "../../src/run/write/output-names.js";
import { testFolder } from "./folders.js";

const folder = testFolder();
const DIM = 4;
const WINDOW = 10;
const WINDOWS = 12;

/** Every third text has no direction, the last of each window among them. */
const directed = (row: number) => row % 3 !== 0 && row % WINDOW !== WINDOW - 1;

async function* windows(change?: number): AsyncGenerator<TextWindow> {
  for (let w = 0; w < WINDOWS; w++) {
    const rows = Array.from({ length: WINDOW }, (_, i) => w * WINDOW + i);
    yield { rows, texts: rows.map((row) => (row === change ? "changed" : `text ${row}`)) };
  }
}

/** Embeds with a model that remembers which windows it was given and may fail at one. */
async function embedAll(
  out: string,
  {
    failAt,
    change,
    model = "fake",
    fresh = false,
    broken = false,
  }: { failAt?: number; change?: number; model?: string; fresh?: boolean; broken?: boolean } = {},
) {
  const given: number[] = [];
  const notes: string[] = [];
  const work = await openWorkArea(out);
  try {
    const result = await embedToStore({
      windows: windows(change),
      work,
      fingerprint: { model },
      inputs: [{ name: "in.jsonl", bytes: 1, sha256: "x" }],
      startEmbedder: async () => ({
        dim: broken ? assert.fail("the model is broken") : DIM,
        async embed({ rows }) {
          const window = rows[0] / WINDOW;
          if (window === failAt) throw new Error("the model failed");
          given.push(window);
          const vectors = new Float32Array(rows.length * DIM);
          rows.forEach((row, i) => {
            vectors[i * DIM + (row % DIM)] = 1;
          });
          const flags = Uint8Array.from(rows, (row) => (directed(row) ? 1 : 0));
          return { vectors, directed: flags, truncated: new Uint8Array(rows.length), tokens: 7, paddedTokens: 7 };
        },
        async close() {},
      }),
      fresh,
      stage: { advance() {}, end() {} },
      note: (message) => notes.push(message),
    });
    return { result, given, notes, bytes: readFileSync(work.path(EMBEDDINGS)) };
  } finally {
    await work.close();
  }
}

describe("embedding after an interruption", () => {
  it("gives the model no window again that was stored, though not one record batch of the store was full", async () => {
    const whole = await embedAll(join(folder, "whole"));
    for (const failAt of [1, 5, WINDOWS - 1]) {
      const out = join(folder, `failed-${failAt}`);
      await assert.rejects(embedAll(out, { failAt }), /the model failed/);
      const { result, given, notes, bytes } = await embedAll(out);
      // Those that were under way beside the one that failed may be stored or not, but all before them are.
      assert.ok(given[0] <= failAt && given[0] >= failAt - 2, `${given[0]} after a failure at ${failAt}`);
      assert.deepEqual(given, [...Array(WINDOWS).keys()].slice(given[0]));
      assert.equal(result.resumed > 0, given[0] > 0);
      if (given[0] > 0) assert.match(notes[0], /continuing an interrupted run/);
      assert.equal(result.tokens, 7 * WINDOWS);
      assert.deepEqual(result.rowOfVector, whole.result.rowOfVector);
      assert.ok(bytes.equals(whole.bytes), "the same bytes");
    }
  });

  it("begins anew, with fresh, where a text has changed since or the work is damaged", async () => {
    const changed = join(folder, "changed");
    await assert.rejects(embedAll(changed, { failAt: 6 }), /the model failed/);
    await assert.rejects(embedAll(changed, { change: 3 }), (error) => error instanceof StaleWorkError);
    assert.equal((await embedAll(changed, { change: 3, fresh: true })).given.length, WINDOWS);
    const damaged = join(folder, "damaged");
    await assert.rejects(embedAll(damaged, { failAt: 6 }), /the model failed/);
    const { stored } = JSON.parse(readFileSync(join(damaged, ".work", "state.json"), "utf8")) as { stored: number };
    writeFileSync(join(damaged, ".work", `${EMBEDDINGS}.${stored}`), "short");
    await assert.rejects(embedAll(damaged), /is damaged: .* has 5 bytes, expected/);
    assert.equal((await embedAll(damaged, { fresh: true })).given.length, WINDOWS);
  });

  it("keeps the work of an earlier run until there is a model to begin anew with", async () => {
    const out = join(folder, "kept");
    await assert.rejects(embedAll(out, { failAt: 6 }), /the model failed/);
    await assert.rejects(embedAll(out, { model: "other", broken: true }), /the model is broken/);
    await assert.rejects(embedAll(out, { fresh: true, broken: true }), /the model is broken/);
    const { result, given } = await embedAll(out);
    assert.ok(result.resumed > 0);
    assert.ok(given[0] >= 4);
    const spool = join(out, ".work", "inputs");
    mkdirSync(spool);
    writeFileSync(join(spool, "0"), "standard input of the run that begins anew");
    const anew = await embedAll(out, { model: "other" });
    assert.ok(existsSync(join(spool, "0")));
    assert.equal(anew.given.length, WINDOWS);
    assert.match(anew.notes[0], /starting over, the interrupted run does not fit: model/);
  });
});
