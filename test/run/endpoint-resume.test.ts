import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { openEndpoint } from "../../src/embed/endpoint/endpoint.js";
import { embedToStore } from "../../src/run/embed/embed-store.js";
import type { TextWindow } from "../../src/run/read/read-texts.js";
import { openWorkArea } from "../../src/run/work/work-area.js";
import { EMBEDDINGS } from "../../src/run/write/output-names.js";
import { openVectorStore } from "../../src/vectors/store.js";
import { type EmbeddingServer, startEmbeddingServer, tokensOf, vectorOf } from "../embed/endpoint-server.js";

/** Vectors so long that a record batch of the store, the unit in which progress is kept, holds 256 of them. */
const DIM = 4096;
const TEXTS = 1500;
const WINDOW = 200;

const texts = Array.from({ length: TEXTS }, (_, i) => `title ${i}`);

async function* windows(): AsyncGenerator<TextWindow> {
  for (let start = 0; start < TEXTS; start += WINDOW) {
    const part = texts.slice(start, start + WINDOW);
    yield { texts: part, rows: part.map((_, i) => start + i) };
  }
}

const limits = { firstMs: 5, longestMs: 30, timeoutMs: 1000, patienceMs: 200, firstContactMs: 100, attempts: 4 };

async function embedAll(out: string, server: EmbeddingServer) {
  const notes: string[] = [];
  const work = await openWorkArea(out);
  try {
    const { served, start } = await openEndpoint({ address: parseEndpoint(server.url), concurrency: 4, limits });
    const result = await embedToStore({
      windows: windows(),
      work,
      fingerprint: { model: `endpoint model ${served.name} dim ${served.dim}` },
      inputs: [],
      startEmbedder: async () => {
        const { dim, embed, close } = start();
        return { dim, embed: ({ texts }) => embed(texts), close };
      },
      fresh: false,
      stage: { advance() {}, end() {} },
      note: (note) => notes.push(note),
    });
    const store = await openVectorStore(work.path(EMBEDDINGS));
    const vectors = new Float32Array(TEXTS * DIM);
    await store.gather([...texts.keys()], vectors);
    await store.close();
    return { result, vectors, notes };
  } finally {
    await work.close();
  }
}

test("a server that is killed in the middle ends the run; with a new one elsewhere it resumes to the same vectors", async () => {
  const folder = await mkdtemp(join(tmpdir(), "endpoint-"));
  const options = { flavour: "vllm", dim: DIM } as const;
  const first = await startEmbeddingServer({
    ...options,
    faultOf(input) {
      // By then the first windows are stored.
      if (input.includes(`title ${TEXTS - 300}`)) setImmediate(() => first.kill());
      return undefined;
    },
  });
  let second: EmbeddingServer | undefined;
  try {
    await assert.rejects(embedAll(folder, first), {
      exitCode: 5,
      message: /cannot be reached.*then run the same command again: it resumes where it stopped$/,
    });
    second = await startEmbeddingServer(options);
    const { result, vectors, notes } = await embedAll(folder, second);
    assert.ok(result.resumed >= 256, `${result.resumed} vectors resumed`);
    assert.match(notes[0], /continuing an interrupted run/);
    // One request shows the dimension and one the limit; of the rest only what was not stored is sent again.
    const sent = second.received.slice(2).flatMap(({ input }) => input);
    assert.ok(sent.length <= TEXTS - result.resumed + WINDOW, `${sent.length} texts were sent again`);
    assert.deepEqual([...result.rowOfVector], [...texts.keys()]);
    assert.equal(result.tokens >= texts.reduce((sum, text) => sum + tokensOf(text), 0), true);
    for (let i = 0; i < TEXTS; i += 37) {
      const expected = vectorOf(texts[i], DIM);
      const norm = Math.hypot(...expected);
      for (let c = 0; c < DIM; c++) assert.ok(Math.abs(vectors[i * DIM + c] - expected[c] / norm) < 1e-7);
    }
  } finally {
    await first.kill().catch(() => {});
    await second?.kill();
    await rm(folder, { recursive: true });
  }
});
