import assert from "node:assert/strict";
import { createServer, type RequestListener, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { after, test } from "node:test";
import { parseEndpoint } from "../../src/embed/endpoint/address.js";
import { type Endpoint, openEndpoint } from "../../src/embed/endpoint/endpoint.js";
import { createHttpClient } from "../../src/embed/endpoint/http.js";
import { UnavailableError } from "../../src/errors.js";

/** Servers that are something else than a server of embeddings, or do one thing in a way of their own. */

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

/** A server of one model; `embeddings` answers what is posted. */
function embeddingServer(embeddings: (request: EmbeddingRequest, response: ServerResponse) => void): RequestListener {
  return async ({ url, method }, response) => {
    if (url === "/v1/models") return json(response, { data: [{ id: "m", max_model_len: 512 }] });
    if (url !== "/v1/embeddings" || method !== "POST") return json(response, {}, url === "/health" ? 200 : 404);
    let body = "";
    for await (const chunk of response.req) body += chunk;
    embeddings(JSON.parse(body), response);
  };
}

interface EmbeddingRequest {
  readonly input: readonly string[];
  readonly encoding_format: string;
}

/** An answer of vectors as numbers, with a count of tokens. */
function answer(input: readonly string[], tokens: number) {
  const data = input.map(({ length }, index) => ({ index, embedding: [1, length] }));
  return { data, usage: { prompt_tokens: tokens } };
}

/** With the limits of a run, by which a server that is waited for in vain is given up with another message. */
function open(url: string, model?: string): Promise<Endpoint> {
  return openEndpoint({ address: parseEndpoint(url), model, concurrency: 4 });
}

async function openTo(listener: RequestListener, model?: string): Promise<Endpoint> {
  return open(`http://${await listen(createServer(listener))}/v1`, model);
}

/** Asserts exit 5 with a message, without a second attempt. */
async function assertRefused(endpoint: Promise<Endpoint>, message: RegExp): Promise<void> {
  await assert.rejects(endpoint, (error: Error) => {
    assert.ok(error instanceof UnavailableError, error.stack);
    assert.match(error.message, message);
    return true;
  });
}

test("a web page in place of an answer is named by its title, and not asked for again", async () => {
  const page: RequestListener = (_, response) =>
    response.writeHead(200, { "content-type": "text/html" }).end("\n<!DOCTYPE html><title>Welcome to nginx!</title>");
  await assertRefused(
    openTo(page),
    /no list of models \(status 200\): a web page, Welcome to nginx!; --endpoint should/,
  );
  await assertRefused(openTo(page, "m"), /model m gives no embedding \(status 200\): a web page/);
});

test("an address that sends on to another is not followed, and the other is named without the path of the request", async () => {
  const elsewhere: RequestListener = ({ url }, response) =>
    response.writeHead(301, { location: `https://gpu.example${url}?token=x` }).end();
  const message = /sends on to https:\/\/gpu\.example\/v1; give that to --endpoint$/;
  await assertRefused(openTo(elsewhere), message);
  await assertRefused(openTo(elsewhere, "m"), message);
});

test("a server that does not speak TLS is said to, whatever the version of Node calls it", async () => {
  const address = await listen(createServer((_, response) => response.end()));
  await assertRefused(open(`https://${address}/v1`), /does not speak TLS; try http:\/\//);
});

test("a path without a list of models says what came in its place", async () => {
  const nothing: RequestListener = (_, response) => json(response, { detail: "Not Found" }, 404);
  await assert.rejects(openTo(nothing), {
    exitCode: 2,
    message: /\(\/models: status 404\); name it with --endpoint-model/,
  });
});

test("a connection that does not come to stand is given up long before an answer that is slow", async () => {
  // It takes the connection and never says a word of TLS.
  const address = await listen(createTcpServer());
  const client = createHttpClient({ connections: 1, connectMs: 50, timeoutMs: 60_000 });
  await assert.rejects(client.send({ url: new URL(`https://${address}/`), headers: {} }), {
    code: "ETIMEDOUT",
    message: "no connection in 0.05 s",
  });
  client.close();
});

test("an answer that trickles in without end is given up, though there is always another byte", async () => {
  const trickle: RequestListener = (_, response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write(" "), 10);
    response.on("close", () => clearInterval(timer));
  };
  const address = await listen(createServer(trickle));
  const client = createHttpClient({ connections: 1, connectMs: 1000, timeoutMs: 100 });
  await assert.rejects(client.send({ url: new URL(`http://${address}/`), headers: {} }), {
    code: "ETIMEDOUT",
    message: "no complete answer in 0.3 s",
  });
  client.close();
});

test("an answer that is too large to be one is not gathered in memory", async () => {
  const before = process.memoryUsage().rss;
  const flood = embeddingServer((_, response) => {
    const chunk = Buffer.alloc(1 << 20, " ");
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", more);
    more();
  });
  await assertRefused(openTo(flood), /an answer of 127\.0\.0\.1:\d+ has more than 64 MB/);
  assert.ok(process.memoryUsage().rss - before < 256 * 2 ** 20);
});

test("a server that stumbles over base64 with status 500 is asked for numbers at once", async () => {
  const asked: string[] = [];
  const endpoint = await openTo(
    embeddingServer(({ input, encoding_format }, response) => {
      asked.push(encoding_format);
      if (encoding_format === "base64") json(response, { error: { message: "list expected" } }, 500);
      else json(response, answer(input, 3 * input.length));
    }),
  );
  assert.equal(endpoint.served.encoding, "float");
  assert.deepEqual(asked.slice(0, 2), ["base64", "float"]);
});

test("a count of tokens that is the same for a word and for 520 is none: no text is taken for cut", async () => {
  const notes: string[] = [];
  const listener = embeddingServer(({ input }, response) => json(response, answer(input, input.length)));
  const address = parseEndpoint(`http://${await listen(createServer(listener))}/v1`);
  const { served, start } = await openEndpoint({ address, concurrency: 4, note: (message) => notes.push(message) });
  assert.deepEqual([served.longTexts, served.countsTokens], [{ kind: "unknown", safe: 512 }, false]);
  const embedder = start();
  const { truncated, tokens } = await embedder.embed(["a short one", "long ".repeat(600)]);
  await embedder.close();
  assert.deepEqual([...truncated, tokens], [0, 0, 0]);
  assert.match(notes.join(), /does not tell how long a text may be/);
});

test("llama.cpp's way of refusing a long text, status 500, cuts the text instead of trying it again", async () => {
  const endpoint = await openTo(
    embeddingServer(({ input }, response) => {
      const longest = Math.max(...input.map((text) => text.split(" ").length));
      if (longest <= 100) return json(response, answer(input, longest));
      const message = `input (${longest} tokens) is too large to process. increase the physical batch size (current batch size: 100)`;
      json(response, { error: { code: 500, message, type: "server_error" } }, 500);
    }),
  );
  assert.equal(endpoint.served.longTexts.kind, "refused");
  const embedder = endpoint.start();
  const long = "w ".repeat(250).trim();
  const { truncated, directed } = await embedder.embed(["short", long, "w w"]);
  await embedder.close();
  assert.deepEqual([...truncated], [0, 1, 0]);
  assert.deepEqual([...directed], [1, 1, 1]);
});
