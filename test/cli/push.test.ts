import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { testFolder, writeJsonl } from "../run/folders.js";
import { run, start } from "./command-line.js";

const cwd = testFolder();
const rows = writeJsonl(join(cwd, "rows.jsonl"), [{ text: "where is my parcel" }, { text: "where is my parcel" }]);

const asked: { method?: string; url?: string; user?: string; body: string }[] = [];
let status = 200;
const server = createServer(async (request, response) => {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  asked.push({ method: request.method, url: request.url, user: request.headers.authorization, body });
  response.writeHead(status).end("no such thing");
});
let url = "";
before(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics/job/faq/instance/a`;
});
after(() => void server.close());
beforeEach(() => {
  asked.length = 0;
  status = 200;
});

describe("--push", () => {
  it("replaces the group of the command after a success, and adds to it after a failure", async () => {
    const env = { BGE_PUSH_USER: "me", BGE_PUSH_PASSWORD: "sesame" };
    const done = await run("dedup", [rows, "-q", "--push", url], { cwd, env });
    assert.deepEqual(done, { code: 0, stdout: "", stderr: "" });
    const failed = await run("dedup", [rows, "-q", "--push", url, "--max-removed", "0"], { cwd, env });
    assert.equal(failed.code, 4);
    const unparsed = await run("cluster", ["--kk", `--push=${url}`, "-q"], { cwd, env });
    assert.equal(unparsed.code, 2);
    const group = "/metrics/job/faq/instance/a/command";
    assert.deepEqual(
      asked.map(({ method, url: path, user }) => [method, path, user]),
      [
        ["PUT", `${group}/bge-dedup`, "Basic bWU6c2VzYW1l"],
        ["POST", `${group}/bge-dedup`, "Basic bWU6c2VzYW1l"],
        ["POST", `${group}/bge-cluster`, "Basic bWU6c2VzYW1l"],
      ],
    );
    assert.match(asked[0].body, /^bge_dedup_rows\{dataset="faq",fate="kept"\} 1$/m);
    assert.match(asked[0].body, /^bge_dedup_last_success_timestamp_seconds\{dataset="faq"\} \d/m);
    assert.match(asked[1].body, /^bge_dedup_exit_code\{dataset="faq"\} 4$/m);
    assert.match(asked[1].body, /^bge_dedup_brake_rows\{dataset="faq",limit="max_removed"\} 1$/m);
    assert.doesNotMatch(asked[1].body, /last_success/);
    assert.match(asked[2].body, /^bge_cluster_exit_code\{dataset="faq"\} 2$/m);
  });

  it("that is refused is told, also to who is told nothing else, and changes no exit code", async () => {
    status = 400;
    const done = await run("dedup", [rows, "-q", "--push", url], { cwd });
    assert.equal(done.code, 0);
    const where = new URL(url).origin;
    assert.equal(done.stderr, `warning: --push ${where}: the metrics were not taken: status 400 no such thing\n`);
    const failed = await run("dedup", ["missing.jsonl", "-q", "--push", url, "--log-format", "json"], { cwd });
    assert.equal(failed.code, 3);
    const lines = failed.stderr
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { level: string });
    assert.deepEqual(
      lines.map(({ level }) => level),
      ["error", "warning"],
    );
  });

  it("goes with --metrics, under the name of the file", async () => {
    const { code, stderr } = await run("dedup", [rows, "-q", "--push", url, "--metrics", "night.prom"], { cwd });
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(join(cwd, "night.prom")));
    assert.match(asked[0].body, /^bge_dedup_exit_code\{dataset="night"\} 0$/m);
  });

  it("tells that a signal ended the run", async () => {
    const file = join(cwd, "stopped.prom");
    const { child, outcome } = start("dedup", ["-", "-q", "--push", url, "--metrics", file], { cwd, openStdin: true });
    while (!existsSync(file) && child.exitCode === null) await new Promise((done) => setTimeout(done, 5));
    child.kill("SIGTERM");
    await outcome;
    assert.equal(asked.length, 1);
    assert.match(asked[0].body, /^bge_dedup_exit_code\{dataset="stopped"\} 143$/m);
  });
});
