import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { lockPath } from "../../src/models/hub/cache.js";
import { breakOff, noise, sha256 } from "./fake-hub.js";
import { CONFIG, fetchTiny, hub, isWeights, NAME, settings, tree, WEIGHTS } from "./hub-fixture.js";

test("a transfer that breaks off goes on where it ended", async () => {
  // A connection that breaks may take the last bytes with it, so where the next request begins is bounded, not fixed.
  const ends = [100_000, 200_000, 299_999];
  const cuts = [...ends];
  hub.faults.push((request, response) => {
    const to = isWeights(request) ? cuts.shift() : undefined;
    if (to === undefined) return false;
    breakOff(response, WEIGHTS, Number(request.range?.match(/\d+/)?.[0] ?? 0), to);
    return true;
  });
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
  const starts = hub.requests.filter(isWeights).map(({ range }) => Number(range?.match(/\d+/)?.[0] ?? 0));
  assert.equal(starts.length, 4);
  assert.equal(starts[0], 0);
  for (const [index, end] of ends.entries()) {
    assert.ok(
      starts[index + 1] > starts[index] && starts[index + 1] <= end,
      `request ${index + 1} starts at ${starts}`,
    );
  }
});

test("what an interrupted run left is used by the next", async () => {
  const controller = new AbortController();
  hub.faults.push((request, response) => {
    if (!isWeights(request) || request.range !== undefined) return false;
    response.writeHead(200, { "content-length": WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 150_000), () => setTimeout(() => controller.abort(new Error("stopped")), 30));
    return true;
  });
  await assert.rejects(fetchTiny({ signal: controller.signal }), /stopped/);
  assert.equal(existsSync(lockPath(settings.cache, NAME)), false);
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
  assert.ok(hub.transfers.some((line) => /bytes=[1-9]/.test(line)));
});

test("a server that stalls is asked again, one that knows no ranges starts over", async () => {
  let stalls = 1;
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    if (stalls-- > 0) {
      response.writeHead(200, { "content-length": WEIGHTS.length });
      response.write(WEIGHTS.subarray(0, 50_000));
    } else response.writeHead(200, { "content-length": WEIGHTS.length }).end(WEIGHTS);
    return true;
  });
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
});

test("a transfer that never gets anywhere ends with the ways out, and keeps what came", async () => {
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    const from = Number(request.range?.match(/\d+/)?.[0] ?? 0);
    breakOff(response, WEIGHTS, from, Math.max(from, 70_000));
    return true;
  });
  await assert.rejects(fetchTiny(), { exitCode: 5, message: /broke off after \d+ bytes.*HF_ENDPOINT.*builtin/ });
  const parts = tree(settings.cache).filter((path) => path.endsWith(".incomplete"));
  assert.equal(parts.length, 1);
  const { size } = lstatSync(join(settings.cache, parts[0]));
  assert.ok(size > 0 && size <= 70_000);
  assert.ok(!tree(settings.cache).some((path) => path.includes("snapshots")));
});

/** Serves damaged weights as often as asked, counting how often. */
function damage(times: number, spoil: (content: Buffer) => Buffer): { served: number } {
  const count = { served: 0 };
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    count.served++;
    if (count.served > times) return false;
    const content = spoil(Buffer.from(WEIGHTS));
    response.writeHead(200, { "content-length": content.length }).end(content);
    return true;
  });
  return count;
}
const flip = (content: Buffer) => {
  content[1234] ^= 1;
  return content;
};

test("a file that does not fit its checksum is fetched once more", async () => {
  const count = damage(1, flip);
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
  assert.equal(count.served, 2);
});

test("a file that is damaged twice is an error and is dropped; so is one that is too long", async () => {
  for (const spoil of [flip, (content: Buffer) => Buffer.concat([content, Buffer.of(0)])]) {
    hub.faults = [];
    const count = damage(99, spoil);
    await assert.rejects(fetchTiny(), { exitCode: 5, message: /damaged twice: .*expected 300000 bytes with sha256/ });
    assert.equal(count.served, 2);
    assert.ok(!tree(settings.cache).some((path) => path.includes(sha256(WEIGHTS))));
  }
});

test("a partial file of something else is noticed at the end and fetched anew", async () => {
  const blob = join(settings.cache, "models--owner--bge-tiny/blobs", sha256(WEIGHTS));
  mkdirSync(dirname(blob), { recursive: true });
  writeFileSync(`${blob}.bge-dedup.incomplete`, noise(100_000, 99));
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
  assert.deepEqual(
    hub.transfers
      .filter((line) => line.startsWith("cdn") && line.includes(sha256(WEIGHTS)))
      .map((l) => l.split(" ")[2]),
    ["bytes=100000-", "all"],
  );
});

test("a small file with the wrong git checksum is an error", async () => {
  hub.faults.push((request, response) => {
    if (!request.url.endsWith("/config.json")) return false;
    response.writeHead(200).end(CONFIG.toString().replace("8", "9"));
    return true;
  });
  await assert.rejects(fetchTiny(), /config\.json of owner\/bge-tiny came damaged twice: git-sha1/);
});

test("two processes at once download once", async () => {
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    setTimeout(() => response.writeHead(200, { "content-length": WEIGHTS.length }).end(WEIGHTS), 400);
    return true;
  });
  const patient = { ...settings, patience: { answer: 5000, stall: 5000, backoff: 10 } };
  const script = fileURLToPath(new URL("./fetch-once.js", import.meta.url));
  const args = [script, JSON.stringify({ repository: NAME, settings: patient })];
  const outputs = await Promise.all([1, 2].map(() => promisify(execFile)(process.execPath, args)));
  const results = outputs.map(({ stdout }) => JSON.parse(stdout) as { folder: string; notes: string[] });
  assert.equal(results[0].folder, results[1].folder);
  assert.equal(hub.requests.filter(isWeights).length, 1);
  assert.ok(results.some((result) => result.notes.some((note) => note.includes("waiting for it"))));
});

test("a download that is killed leaves its lock and its bytes to the next run", async () => {
  let child: ChildProcess | undefined;
  hub.faults.push((request, response) => {
    if (!isWeights(request) || request.range !== undefined) return false;
    response.writeHead(200, { "content-length": WEIGHTS.length });
    response.write(WEIGHTS.subarray(0, 120_000), () => setTimeout(() => child?.kill("SIGKILL"), 100));
    return true;
  });
  const patient = { ...settings, patience: { answer: 5000, stall: 5000, backoff: 10 } };
  const script = fileURLToPath(new URL("./fetch-once.js", import.meta.url));
  child = spawn(process.execPath, [script, JSON.stringify({ repository: NAME, settings: patient })]);
  await once(child, "exit");
  assert.ok(existsSync(lockPath(settings.cache, NAME)));
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
  assert.ok(hub.transfers.some((line) => /bytes=[1-9]/.test(line)));
});

test("a file that another machine finished first is taken as it is", async () => {
  const blob = join(settings.cache, "models--owner--bge-tiny/blobs", sha256(WEIGHTS));
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    writeFileSync(blob, WEIGHTS);
    rmSync(`${blob}.bge-dedup.incomplete`);
    response.writeHead(200, { "content-length": WEIGHTS.length }).end(WEIGHTS);
    return true;
  });
  assert.deepEqual(readFileSync(join(await fetchTiny(), "onnx/model.onnx")), WEIGHTS);
});
