import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { type Received, treeOf } from "./fake-hub.js";
import { fetchTiny, hub, isWeights, root, settings, tree, WEIGHTS } from "./hub-fixture.js";

/** Answers all of the hub's requests this way. */
function answer(status: number, headers: Record<string, string> = {}): void {
  hub.faults.push((request, response) => {
    if (request.host !== "hub") return false;
    response.writeHead(status, headers).end();
    return true;
  });
}

test("a repository that is not there, one that is gated, and one without permission say what to do", async () => {
  await assert.rejects(fetchTiny({ repository: "owner/nothing" }), {
    exitCode: 5,
    message: /404: Repository not found; there is no such repository at http.*or it is private/,
  });
  answer(401, { "x-error-code": "GatedRepo", "x-error-message": "Access to model is restricted" });
  await assert.rejects(fetchTiny(), { exitCode: 5, message: /accept its terms.*HF_TOKEN/ });
  hub.faults = [];
  answer(401);
  await assert.rejects(
    fetchTiny({ settings: { ...settings, token: "hf_x" } }),
    /HF_TOKEN \(or HUGGING_FACE_HUB_TOKEN\) is not accepted/,
  );
  const stored = { ...settings, token: "hf_x", tokenFile: "/home/me/token" };
  await assert.rejects(fetchTiny({ settings: stored }), /the token in \/home\/me\/token is not accepted; log in anew/);
  assert.equal(hub.requests.filter(({ url }) => url.includes("nothing")).length, 1, "a refusal is not repeated");
});

test("a hub that is busy is asked again, as late as it wants", async () => {
  const statuses = [429, 503, 500, 502];
  /** Tries, and a time that passes from the first on. Timers of one process fire in their order. */
  const events: string[] = [];
  hub.faults.push((_, response) => {
    const status = statuses.shift();
    if (events.length === 0) setTimeout(() => events.push("900 ms"), 900);
    events.push(`${status ?? "taken"}`);
    if (status === undefined) return false;
    response.writeHead(status, status === 429 ? { "retry-after": "1" } : {}).end();
    return true;
  });
  await fetchTiny();
  assert.deepEqual(events.slice(0, 6), ["429", "900 ms", "503", "500", "502", "taken"]);
});

test("a hub that stays busy is given up after five tries", async () => {
  answer(503);
  await assert.rejects(fetchTiny(), { exitCode: 5, message: /answers 503.*HF_ENDPOINT.*folder.*builtin/ });
  assert.equal(hub.requests.length, 5);
});

test("a hub that accepts and never answers is given up after two tries", async () => {
  hub.faults.push(() => true);
  await assert.rejects(fetchTiny(), { exitCode: 5, message: /no answer within 0\.8 s.*HF_ENDPOINT.*folder.*builtin/ });
  assert.equal(hub.requests.length, 2);
});

test("a mirror below a path is asked below that path", async () => {
  hub.prefix = "/hf/mirror";
  const folder = await fetchTiny({ settings: { ...settings, endpoint: `${hub.endpoint}/hf/mirror` } });
  assert.deepEqual(readFileSync(join(folder, "onnx/model.onnx")), WEIGHTS);
});

test("the token goes to the hub and nowhere else, and into no message", async () => {
  const token = "hf_secret-token";
  // The listing's next page is on another host.
  hub.faults.push(({ host, url }, response) => {
    if (host === "hub" && url.includes("/tree/")) response.setHeader("link", `<${hub.cdnEndpoint}/next>; rel="next"`);
    if (!url.startsWith("/next")) return false;
    response.end("[]");
    return true;
  });
  await fetchTiny({ settings: { ...settings, token } });
  assert.ok(hub.requests.some(({ url }) => url === "/next"));
  for (const { host, authorization } of hub.requests) {
    assert.equal(authorization, host === "hub" ? `Bearer ${token}` : undefined);
  }
  hub.faults.push(({ host }, response) => {
    if (host === "cdn") return false;
    response.writeHead(404, { "x-error-message": `no, ${token}, see http://cdn.example/x?Signature=s3cr3t` }).end();
    return true;
  });
  await assert.rejects(fetchTiny({ settings: { ...settings, token }, refresh: true }), (error: Error) => {
    assert.match(error.message, /no, \*\*\*, see http:\/\/cdn\.example\/x;/);
    return !/secret|s3cr3t/.test(error.message + error.stack);
  });
});

test("a token that cannot be sent is named by its place and not shown", async () => {
  for (const [tokenFile, place] of [
    [undefined, /^HF_TOKEN holds characters that no token has .*; set it anew$/],
    ["/home/me/token", /^\/home\/me\/token holds characters that no token has .*; log in anew$/],
  ] as const) {
    for (const token of ["hf_geheim hf_zwei", "hf_geheimé", "hf_\u0000geheim"]) {
      await assert.rejects(fetchTiny({ settings: { ...settings, token, tokenFile } }), (error: Error) => {
        assert.match(error.message, place);
        return !/geheim/.test(error.message + error.stack);
      });
    }
  }
  assert.equal(hub.requests.length, 0);
});

test("names, digests and commits of a hostile hub lead nowhere out of the cache", async () => {
  const evil = [
    "../evil",
    "/tmp/evil",
    "onnx/../../evil",
    "C:\\evil",
    "onnx/model.onnx_data/../../../evil",
    "tokenizer.json/../x",
  ];
  hub.tree = (repository) => [
    ...treeOf(repository),
    ...evil.map((path) => ({ ...treeOf(repository)[0], path })),
    { type: "file", path: 7, size: 1, oid: "x" },
    { type: "directory", path: "../../out" },
  ];
  await fetchTiny();
  assert.deepEqual(readdirSync(root), ["hub"]);
  assert.ok(!tree(root).some((path) => path.includes("evil")));

  const spoilt = [
    { oid: "../../../evil" },
    { oid: "a".repeat(39) },
    { size: -1 },
    { size: 1.5 },
    { lfs: { oid: "../../evil", size: 3 } },
    { lfs: { oid: "a".repeat(64), size: "3" } },
  ];
  for (const spoil of spoilt) {
    hub.tree = (repository) => treeOf(repository).map((e) => (e.path === "config.json" ? { ...e, ...spoil } : e));
    await assert.rejects(fetchTiny({ refresh: true }), { exitCode: 5, message: /lists config\.json with size/ });
  }
  hub.faults.push(({ url }, response) => {
    if (!url.includes("/revision/")) return false;
    response.writeHead(200, { "content-type": "application/json" }).end('{"id":"x","sha":"../../../evil"}');
    return true;
  });
  await assert.rejects(fetchTiny({ refresh: true }), /names commit .*expected 40 hex digits/);
  assert.deepEqual(readdirSync(root), ["hub"]);
});

test("an answer that is no listing, or has no end, is an error", async () => {
  hub.tree = () => ({ error: "x" });
  await assert.rejects(fetchTiny(), { exitCode: 5 });
  const endless = (_: Received, response: ServerResponse) => {
    const entries = Array.from({ length: 1000 }, (__, i) => ({ type: "file", path: `${i}`, size: 0, oid: "0" }));
    response.writeHead(200, { link: `<${hub.endpoint}/next>; rel="next"` }).end(JSON.stringify(entries));
    return true;
  };
  hub.faults.push((request, response) => /tree|next/.test(request.url) && endless(request, response));
  await assert.rejects(fetchTiny(), /more than 10000 files/);
});

test("a listing without end is not gathered in memory", async () => {
  hub.faults.push(({ url }, response) => {
    if (!url.includes("/tree/")) return false;
    const chunk = Buffer.alloc(1 << 20, " ");
    const more = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.writeHead(200).on("drain", more);
    more();
    return true;
  });
  await assert.rejects(fetchTiny(), { exitCode: 5, message: /broke off its answer: .*more than 33554432 bytes/ });
});

test("a hub that answered once may take longer than the first time for a file", async () => {
  hub.faults.push((request, response) => {
    if (!isWeights(request)) return false;
    setTimeout(() => response.writeHead(200, { "content-length": WEIGHTS.length }).end(WEIGHTS), 1000);
    return true;
  });
  await fetchTiny({ settings: { ...settings, patience: { answer: 800, stall: 8000, backoff: 4 } } });
  assert.equal(hub.requests.filter(isWeights).length, 1);
});
