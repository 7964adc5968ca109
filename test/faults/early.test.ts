import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { dedup } from "../../src/index.js";
import { goldenFile } from "../io/golden.js";
import { testFolder } from "../run/folders.js";
import { hostileInputs } from "./hostile.js";

const DIM = 8;
const folder = testFolder();
/** Texts that the slow model has been given beside the probes of its start. */
let embedded = 0;

/** A slow model: a server whose vectors depend on the length of the text alone. */
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request) body += chunk;
  const send = (status: number, value: object) => response.writeHead(status).end(JSON.stringify(value));
  if (request.url?.endsWith("/models")) return send(200, { data: [{ id: "slow", max_model_len: 512 }] });
  if (!request.url?.endsWith("/embeddings")) return send(404, {});
  const { input } = JSON.parse(body) as { input: string[] };
  embedded += input.length;
  await sleep(5);
  const vector = (text: string) => Array.from({ length: DIM }, (_, i) => Math.sin(text.length * (i + 1)) + 0.1);
  return send(200, {
    data: input.map((text, index) => ({ index, embedding: vector(text) })),
    usage: { prompt_tokens: 1 },
  });
});
let endpoint = "";
before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(() => server.close());

/** Every way of asking a file for its text that its columns allow, and every output format. */
async function outcome(input: string | readonly string[], textField: string): Promise<string> {
  embedded = 0;
  try {
    await dedup({
      inputs: input,
      textField,
      out: join(folder, "out"),
      format: ["arrow", "parquet", "jsonl"],
      endpoint,
      fresh: true,
    });
    return "read";
  } catch (error) {
    const { exitCode, message } = error as Error & { exitCode?: number };
    assert.ok(exitCode === 3 || exitCode === 2, `${input}: exit ${exitCode}: ${message}`);
    assert.equal(embedded, 0, `${input}: ${embedded} texts were embedded before: ${message}`);
    return "refused";
  }
}

describe("no input error comes after the first embedded text", () => {
  it("golden files, asked for each of their columns", async () => {
    const outcomes: string[] = [];
    for (const name of readdirSync(goldenFile(""))) {
      if (!/\.(parquet|arrow)$/.test(name)) continue;
      for (const field of ["text", "id"]) outcomes.push(await outcome(goldenFile(name), field));
    }
    assert.ok(outcomes.includes("read") && outcomes.includes("refused"));
  });

  it("damaged and hostile files", async () => {
    const inputs = await hostileInputs({ folder, seed: 3, large: false });
    for (const { name, paths, code } of inputs.filter(({ name }) => !/bomb|twice/.test(name))) {
      assert.equal(await outcome(paths, "text"), code === 0 ? "read" : "refused", name);
    }
  });
});
