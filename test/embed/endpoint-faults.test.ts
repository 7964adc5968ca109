import assert from "node:assert/strict";
import { test } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { openEndpoint } from "../../src/embed/endpoint/endpoint.js";
import type { EndpointLimits } from "../../src/embed/endpoint/outage.js";
import type { Embedder } from "../../src/embed/local/embedder.js";
import { UnavailableError } from "../../src/errors.js";
import { assertVectors, openQuick, QUICK, serversOf } from "./endpoint-fixture.js";
import type { EmbeddingServer, Fault } from "./endpoint-server.js";

const serve = serversOf("sglang");

async function open(server: EmbeddingServer, limits: Partial<EndpointLimits> = {}, key?: string): Promise<Embedder> {
  return (await openQuick(server, { concurrency: 4, limits, key })).start();
}

const texts = Array.from({ length: 200 }, (_, i) => `title ${i}`);

const passing: readonly (readonly [string, Fault])[] = [
  ["status 429", { status: 429, body: { error: { message: "Model is overloaded" } } }],
  ["status 500", { status: 500, body: "Internal Server Error" }],
  ["status 503", { status: 503 }],
  ["a connection that is reset", "reset"],
  ["a connection that is reset in the middle of the body", "half"],
  ["half a JSON text", "truncated"],
  ["no answer in time", "silence"],
];
for (const [name, fault] of passing) {
  test(`${name} is tried again and no text is lost or embedded twice`, async () => {
    const server = await serve();
    const embedder = await open(server, { timeoutMs: fault === "silence" ? 300 : QUICK.timeoutMs });
    server.faults.push(fault, undefined, fault, fault);
    assertVectors((await embedder.embed(texts)).vectors, texts);
    assert.equal(server.received.length, Math.ceil(200 / 64) + 3);
    await embedder.close();
  });
}

for (const status of [429, 503]) {
  test(`the Retry-After of a status ${status} is obeyed by every request, those that begin meanwhile too`, async () => {
    /** Requests as they come, and the times that pass from the first on. Timers of one process fire in their order. */
    const events: string[] = [];
    let armed = false;
    const server = await serve({
      faultOf([text]) {
        events.push(text);
        if (!armed) return undefined;
        armed = false;
        for (const ms of [500, 900]) setTimeout(() => events.push(`${ms} ms`), ms);
        return { status, headers: { "retry-after": "1" } };
      },
    });
    const embedder = await open(server);
    armed = true;
    events.length = 0;
    const first = embedder.embed(["first"]);
    while (!events.includes("500 ms")) await new Promise((resolve) => setTimeout(resolve, 5));
    await Promise.all([first, embedder.embed(["later"])]);
    assert.deepEqual(events.slice(0, 3), ["first", "500 ms", "900 ms"]);
    assert.deepEqual(events.slice(3).sort(), ["first", "later"]);
    await embedder.close();
  });
}

test("a wait that is asked for beyond all patience ends the run at once, with its length", async () => {
  const server = await serve();
  const embedder = await open(server);
  server.faults.push({ status: 429, headers: { "retry-after": "3600" } });
  await assert.rejects(embedder.embed(["text"]), { exitCode: 5, message: /status 429.*asks to wait 3600 s/ });
});

test("a wrong key ends at once, and no message repeats a key", async () => {
  const server = await serve({ key: "right-key" });
  for (const address of [
    parseEndpoint(server.url, "wrong-secret"),
    parseEndpoint(`http://someone:wrong-secret@127.0.0.1:${server.port}/v1?token=query-secret`),
  ]) {
    await assert.rejects(openEndpoint({ address, concurrency: 1, limits: QUICK }), (error: Error) => {
      assert.ok(error instanceof UnavailableError);
      assert.match(error.message, /refuses the key \(status 401\).*BGE_API_KEY/);
      assert.doesNotMatch(error.message, /secret|someone/);
      return true;
    });
  }
  const embedder = await open(server, {}, "right-key");
  assertVectors((await embedder.embed(texts)).vectors, texts);
  assert.equal(server.received[0].authorization, "Bearer right-key");
  await embedder.close();
});

test("a server that is still loading is waited for", async () => {
  const server = await serve();
  server.health = 503;
  setTimeout(() => {
    server.health = 200;
  }, 200);
  assertVectors((await (await open(server)).embed(texts)).vectors, texts);
});

test("an address where nobody answers is given up, with the cure and without a word of resuming", async () => {
  const server = await serve();
  await server.kill();
  await assert.rejects(open(server), { exitCode: 5, message: /ECONNREFUSED.*start the server or correct --endpoint$/ });
});

test("a server that goes down is given up by every window, with a note", async () => {
  const server = await serve();
  const notes: string[] = [];
  const address = parseEndpoint(server.url);
  const endpoint = await openEndpoint({ address, concurrency: 2, limits: QUICK, note: (note) => notes.push(note) });
  const embedder = endpoint.start();
  await embedder.embed(texts);
  await server.kill();
  const results = await Promise.allSettled([embedder.embed(texts), embedder.embed(texts), embedder.embed(texts)]);
  for (const result of results) {
    assert.equal(result.status, "rejected");
    assert.equal(result.reason.exitCode, 5);
    assert.match(result.reason.message, /cannot be reached.*start the server or correct --endpoint$/);
  }
  assert.equal(notes.length, 1);
  assert.match(notes[0], /does not answer/);
});

test("a server that comes back in time is gone on with", async () => {
  const server = await serve();
  const embedder = await open(server, { patienceMs: 3000 });
  await embedder.embed(["before"]);
  await server.kill();
  const result = embedder.embed(texts);
  await new Promise((resolve) => setTimeout(resolve, 150));
  await serve({ port: server.port });
  assertVectors((await result).vectors, texts);
  await embedder.close();
});

test("a server that went down before the first window is waited for as well", async () => {
  const server = await serve();
  const embedder = await open(server, { patienceMs: 3000 });
  await server.kill();
  const result = embedder.embed(texts);
  await new Promise((resolve) => setTimeout(resolve, 2 * QUICK.firstContactMs));
  await serve({ port: server.port });
  assertVectors((await result).vectors, texts);
  await embedder.close();
});

test("closing breaks off what is under way", async () => {
  const server = await serve({ faultOf: (input) => (input.length > 1 ? "silence" : undefined) });
  const embedder = await open(server);
  const settled = assert.rejects(embedder.embed(texts), /closed/);
  while (server.received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await embedder.close();
  // By the close and not by a time limit, as the message tells.
  await settled;
});

test("a signal ends the waiting for a server", async () => {
  const server = await serve();
  server.health = 503;
  const controller = new AbortController();
  const opening = openEndpoint({
    address: parseEndpoint(server.url),
    concurrency: 1,
    limits: { ...QUICK, firstMs: 10_000, longestMs: 10_000, patienceMs: 60_000 },
    signal: controller.signal,
  });
  setTimeout(() => controller.abort(new Error("interrupted")), 50);
  await assert.rejects(opening, /interrupted/);
});
