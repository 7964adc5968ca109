import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { hubSettings } from "../../src/models/hub/settings.js";
import { fetchTiny, hub, root, settings, WEIGHTS } from "./hub-fixture.js";

/** A name that only the proxy knows. */
const HIDDEN = "http://hub.invalid";

let proxy: Server;
let address: string;
let asked: string[];
let credentials: (string | undefined)[];

beforeEach(async () => {
  asked = [];
  credentials = [];
  proxy = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    credentials.push(incoming.headers["proxy-authorization"]);
    const target = (incoming.url ?? "").replace(HIDDEN, hub.endpoint);
    request(
      target,
      { method: incoming.method, headers: { ...incoming.headers, host: new URL(target).host } },
      (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)),
    ).end();
  });
  proxy.on("connect", (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterEach(() => {
  proxy.closeAllConnections();
  proxy.close();
});

/** Settings as the environment gives them, with the patience and the cache of the tests. */
function through(env: Record<string, string>) {
  return { ...hubSettings(env), cache: join(root, "hub"), patience: settings.patience };
}

test("HTTP_PROXY carries every request, with its password, to a hub that only the proxy can reach", async () => {
  const env = { HF_ENDPOINT: HIDDEN, HTTP_PROXY: `http://user:pass%20word@${address}` };
  const folder = await fetchTiny({ settings: through(env) });
  assert.deepEqual(readFileSync(join(folder, "onnx/model.onnx")), WEIGHTS);
  assert.ok(asked.every((line) => line.startsWith("GET http://")));
  assert.ok(asked.some((line) => line.startsWith(`GET ${HIDDEN}/owner/bge-tiny/resolve/`)));
  assert.equal(asked.length, hub.requests.length);
  assert.ok(credentials.every((text) => text === `Basic ${Buffer.from("user:pass word").toString("base64")}`));
});

test("HTTPS_PROXY is asked for a tunnel, and its refusal is told without its password", async () => {
  const env = { HF_ENDPOINT: "https://hub.invalid", https_proxy: `http://user:geheim@${address}` };
  await assert.rejects(fetchTiny({ settings: through(env) }), (error: Error & { exitCode?: number }) => {
    assert.equal(error.exitCode, 5);
    assert.match(error.message, /hub\.invalid cannot be reached through the proxy: .*403.*ways out/);
    return !error.message.includes("geheim");
  });
  assert.deepEqual(asked, Array(2).fill("CONNECT hub.invalid:443"));
});

test("NO_PROXY keeps its hosts off the proxy", async () => {
  const env = { HF_ENDPOINT: hub.endpoint, HTTP_PROXY: `http://${address}`, NO_PROXY: "example.com,127.0.0.1" };
  await fetchTiny({ settings: through(env) });
  assert.deepEqual(asked, []);
});

test("a proxy that is not there, or no address, is an error that says so", async () => {
  const gone = { HF_ENDPOINT: HIDDEN, HTTP_PROXY: "http://127.0.0.1:1" };
  await assert.rejects(fetchTiny({ settings: through(gone) }), {
    exitCode: 5,
    message: /through the proxy: .*refused/,
  });
  const wrong = { HF_ENDPOINT: HIDDEN, HTTP_PROXY: "http://geheim@:x" };
  await assert.rejects(fetchTiny({ settings: through(wrong) }), (error: Error) => {
    assert.match(error.message, /HTTP_PROXY is not an address/);
    return !error.message.includes("geheim");
  });
});
