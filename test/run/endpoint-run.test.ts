import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { main } from "../../src/cli/dedup.js";
import { startEmbeddingServer, tokensOf } from "../embed/endpoint-server.js";

const KEY = "secret-key-of-the-server";

test("a run through a server sums its tokens, takes the threshold of the known model and writes the key nowhere", async () => {
  const folder = await mkdtemp(join(tmpdir(), "endpoint-run-"));
  const out = join(folder, "out");
  const server = await startEmbeddingServer({ flavour: "sglang", models: ["/models/bge-small-zh-v1.5"], key: KEY });
  process.env.BGE_API_KEY = KEY;
  try {
    const texts = ["one text", "another text", "one text", "a third"];
    const input = join(folder, "input.jsonl");
    await writeFile(input, texts.map((text) => `${JSON.stringify({ text })}\n`).join(""));
    const url = server.url.replace("//", "//user-name:hidden-pass@");
    assert.equal(await main([input, "-o", out, "--quiet", "--endpoint", url, "--concurrency", "2"]), 0);

    const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8"));
    assert.equal(manifest.model.name, "/models/bge-small-zh-v1.5");
    assert.equal(manifest.model.fingerprint, "endpoint model /models/bge-small-zh-v1.5 dim 16");
    assert.match(manifest.threshold_source, /model card/);
    assert.equal(
      manifest.tokens,
      [...new Set(texts)].reduce((sum, text) => sum + tokensOf(text), 0),
    );
    assert.deepEqual(manifest.counts.kept, 3);
    assert.deepEqual(manifest.options.endpoint, { url: server.url, concurrency: 2 });
    for (const file of await readdir(out)) {
      assert.doesNotMatch(await readFile(join(out, file), "latin1"), /secret-key|hidden-pass|user-name/, file);
    }
  } finally {
    delete process.env.BGE_API_KEY;
    await server.kill();
    await rm(folder, { recursive: true });
  }
});
