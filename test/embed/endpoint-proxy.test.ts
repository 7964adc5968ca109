import assert from "node:assert/strict";
import { createServer, request, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { openEndpoint } from "../../src/embed/endpoint/endpoint.js";
import { createHttpClient, isLoopback } from "../../src/embed/endpoint/http.js";
import { ENDPOINT_LIMITS } from "../../src/embed/endpoint/outage.js";
import { proxySettings } from "../../src/network.js";
import { type EmbeddingServer, startEmbeddingServer, vectorOf } from "./endpoint-server.js";

/** A name that only the proxy knows. */
const HIDDEN = "http://gpu.invalid:30000";
const DIM = 16;

let server: EmbeddingServer;
let proxy: Server;
let address: string;
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = await startEmbeddingServer({ flavour: "vllm", dim: DIM, key: "sesame" });
  proxy = createServer((incoming, response) => {
    asked.push(`${incoming.method} ${incoming.url}`);
    const { method, headers, url = "" } = incoming;
    const target = new URL(url.replace(HIDDEN, `http://127.0.0.1:${server.port}`));
    const onward = request(target, { method, headers: { ...headers, host: target.host } }, (answer) =>
      answer.pipe(response.writeHead(answer.statusCode ?? 500, answer.headers)),
    );
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  proxy.on("connect", (incoming, socket) => {
    asked.push(`CONNECT ${incoming.url}`);
    socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  address = `http://user:geheim@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
});
afterEach(async () => {
  proxy.closeAllConnections();
  proxy.close();
  await server.kill().catch(() => {});
});

function open(url: string, env: Record<string, string>) {
  const limits = { ...ENDPOINT_LIMITS, firstMs: 4, longestMs: 30, firstContactMs: 100, patienceMs: 300 };
  return openEndpoint({
    address: parseEndpoint(url, "sesame"),
    concurrency: 4,
    limits,
    proxy: proxySettings(env),
  });
}

test("HTTP_PROXY carries every request to a server that only the proxy can reach", async () => {
  const endpoint = await open(`${HIDDEN}/v1`, { HTTP_PROXY: address });
  assert.deepEqual([endpoint.served.dim, endpoint.served.encoding], [DIM, "base64"]);
  const embedder = endpoint.start();
  const texts = Array.from({ length: 150 }, (_, i) => `title ${i}`);
  const { vectors } = await embedder.embed(texts);
  await embedder.close();
  for (const [i, text] of texts.entries()) {
    const expected = vectorOf(text, DIM);
    const norm = Math.hypot(...expected);
    for (let c = 0; c < DIM; c++) assert.ok(Math.abs(vectors[i * DIM + c] - expected[c] / norm) < 1e-6);
  }
  assert.ok(asked.length >= 6);
  assert.ok(asked.every((line) => line.includes(` ${HIDDEN}/`)));
});

test("a server that goes away behind the proxy is tried again, and told with the proxy's part in it", async () => {
  const endpoint = await open(`${HIDDEN}/v1`, { HTTP_PROXY: address });
  await server.kill();
  const embedder = endpoint.start();
  await assert.rejects(embedder.embed(["a"]), {
    exitCode: 5,
    message: /cannot be reached.*\(by way of the proxy; NO_PROXY=gpu\.invalid leaves it out\)/,
  });
  await embedder.close();
});

test("HTTPS_PROXY is asked for a tunnel; its refusal is exit 5 and shows no password", async () => {
  await assert.rejects(
    open("https://gpu.invalid/v1", { https_proxy: address }),
    (error: Error & { exitCode?: number }) => {
      assert.equal(error.exitCode, 5);
      assert.match(error.message, /403.*by way of the proxy/);
      return !error.message.includes("geheim");
    },
  );
  assert.ok(asked.length > 0 && asked.every((line) => line === "CONNECT gpu.invalid:443"));
  await assert.rejects(open("https://gpu.invalid/v1", { https_proxy: "http://geheim@:x" }), (error: Error) => {
    assert.match(error.message, /HTTP_PROXY is not an address/);
    return !error.message.includes("geheim");
  });
});

test("an answer that trickles in without end behind a proxy is given up as one that comes straight is", async () => {
  proxy.removeAllListeners("request");
  proxy.on("request", (_, response: ServerResponse) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 10);
    response.on("close", () => clearInterval(timer));
  });
  const client = createHttpClient({ connections: 1, connectMs: 1000, timeoutMs: 100 }, { http: address });
  const ask = () => client.send({ url: new URL(HIDDEN), headers: {} });
  await assert.rejects(ask(), { code: "ETIMEDOUT", message: /^no complete answer in 0\.3 s \(by way of the proxy;/ });
  const underWay = assert.rejects(ask(), { message: "the connection was closed" });
  setTimeout(client.close, 50);
  await underWay;
});

test("this machine and the hosts of NO_PROXY are reached straight", async () => {
  const { served } = await open(server.url, { HTTP_PROXY: address });
  assert.equal(served.dim, DIM);
  await assert.rejects(open(`${HIDDEN}/v1`, { HTTP_PROXY: address, NO_PROXY: "gpu.invalid" }), { exitCode: 5 });
  assert.deepEqual(asked, []);
  const here = ["localhost", "a.localhost", "127.0.0.1", "127.1.2.3", "[::1]"];
  const elsewhere = ["gpu", "127.example.com", "10.0.0.1", "notlocalhost", "[::2]"];
  assert.deepEqual([...here, ...elsewhere].map(isLoopback), [...here.map(() => true), ...elsewhere.map(() => false)]);
});
