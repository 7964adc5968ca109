import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { MilvusClient } from "@zilliz/milvus2-sdk-node";
import { parseMilvus } from "../../src/io/milvus/address.js";
import { exportToMilvus, type MilvusExport } from "../../src/run/export/milvus.js";
import { run, start } from "../cli/command-line.js";
import { dedup, noting, silent, testFolder, writeJsonl } from "../run/folders.js";
import { dataFolder, type MilvusServer, skipped, startMilvus } from "./milvus-server.js";

const folder = testFolder();
const data = dataFolder();
const out = join(folder, "out");
const ROWS = 9000;
let server: MilvusServer;
let client: MilvusClient;

const target = (collection: string) => `milvus://127.0.0.1:${server.port}/${collection}`;

function exported(to: string, options: Partial<MilvusExport> = {}) {
  return exportToMilvus({ folder: out, to, address: parseMilvus(to), credentials: {}, reporter: silent, ...options });
}

/** Rows that a collection has; 0 while there is none or the server is away. */
async function rows(collection: string): Promise<number> {
  const answer = await client
    .query({ collection_name: collection, filter: "", output_fields: ["count(*)"] })
    .catch(() => undefined);
  return Number(answer?.data?.[0]?.["count(*)"] ?? 0);
}

/** Waits until an export has written some of its rows. */
async function halfway(collection: string): Promise<void> {
  while ((await rows(collection)) === 0) await setTimeout(50);
  assert.ok((await rows(collection)) < ROWS, "the export was too fast to be disturbed");
}

describe("an export to Milvus that is disturbed", { skip: skipped }, () => {
  before(async () => {
    const records = Array.from({ length: ROWS }, (_, id) => ({
      id,
      text: `${(id * 7919).toString(36)} ${id * id} ${id}`,
    }));
    await dedup([writeJsonl(join(folder, "in.jsonl"), records)], out, { idField: "id", threshold: 1 });
    server = await startMilvus(join(data, "one"));
    client = new MilvusClient({ address: `127.0.0.1:${server.port}`, logLevel: "error" });
  });
  after(async () => {
    await client?.closeConnection();
    await server?.kill();
  });

  it("continues with the missing rows after it was killed", async () => {
    const first = start("dedup", ["export", out, "--to", target("killed")]);
    await halfway("killed");
    first.child.kill("SIGKILL");
    await first.outcome;
    const there = await rows("killed");
    const { created, present, sent } = await exported(target("killed"));
    // A request that was on its way when the process died may have arrived since.
    assert.ok(there > 0 && present >= there && sent > 0, `${there} were there, ${present} later`);
    assert.deepEqual([created, present + sent], [false, ROWS]);
    assert.equal(await rows("killed"), ROWS);
  });

  it("ends with 130 on Ctrl-C and says that the same command continues", async () => {
    const first = start("dedup", ["export", out, "--to", target("interrupted")]);
    await halfway("interrupted");
    first.child.kill("SIGINT");
    const { code, stderr } = await first.outcome;
    assert.ok(code === 130 || first.child.signalCode === "SIGINT", stderr);
    assert.match(stderr, /interrupted by SIGINT; run the same command again to continue/);
    assert.equal((await exported(target("interrupted"))).rows, ROWS);
  });

  it("waits for a server that crashes and comes back, and loses no row", async () => {
    const reporter = noting();
    const exporting = exported(target("crashed"), { reporter });
    await halfway("crashed");
    const { port } = server;
    await server.kill();
    await setTimeout(2500);
    server = await startMilvus(join(data, "one"), "--port", String(port));
    const summary = await exporting;
    assert.equal(summary.rows, ROWS);
    assert.equal(await rows("crashed"), ROWS);
    assert.match(reporter.notes.join("\n"), /waiting for Milvus at 127\.0\.0\.1:\d+: /);
  });

  it("gives up a server that hangs with 5 and the cure, and continues once it works", async () => {
    server.child.kill("SIGSTOP");
    try {
      await assert.rejects(exported(target("hung"), { patience: { first: 1500, later: 1500, answer: 500 } }), {
        exitCode: 5,
        message: /failed to answer: .*; look whether the server runs/,
      });
      server.child.kill("SIGCONT");
      const exporting = exported(target("hung"), { patience: { first: 60_000, later: 1500, answer: 3000 } });
      exporting.catch(() => {});
      await halfway("hung");
      server.child.kill("SIGSTOP");
      await assert.rejects(exporting, {
        exitCode: 5,
        message: /failed to take rows: .*the same command goes on with the rows that are missing/,
      });
    } finally {
      server.child.kill("SIGCONT");
    }
    const summary = await exported(target("hung"));
    assert.ok(summary.present > 0);
    assert.equal(await rows("hung"), ROWS);
  });
});

describe("an export to a server that cannot be used", { skip: skipped }, () => {
  it("exits with 5 where nobody listens, or something else than Milvus does", async () => {
    const listener = createServer((socket: Socket) =>
      socket
        .on("error", () => {})
        .resume()
        .end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const { port } = listener.address() as { port: number };
    const patience = { first: 1000, later: 1000, answer: 1000 };
    const to = `milvus://127.0.0.1:${port}/texts`;
    await assert.rejects(exported(to, { patience }), { exitCode: 5, message: /failed to answer/ });
    listener.close();
    await once(listener, "close");
    const { code, stderr } = await run("dedup", ["export", out, "--to", to]);
    assert.equal(code, 5);
    assert.match(stderr, /error: Milvus at .* failed to answer: connect ECONNREFUSED .*milvus\+tls:/);
  });

  it("needs the right token, over TLS too, and shows it nowhere", async () => {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    execFileSync(
      "openssl",
      [
        ...["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"],
        ...["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate],
      ],
      { stdio: "ignore" },
    );
    const secured = await startMilvus(
      join(data, "two"),
      "--token",
      "root:s3cret",
      "--certificate",
      certificate,
      "--key",
      key,
    );
    try {
      const few = join(folder, "few");
      await dedup([writeJsonl(`${few}.jsonl`, [{ id: 1, text: "the only text" }])], few, { idField: "id" });
      const args = ["export", few, "--to", `milvus+tls://localhost:${secured.port}/texts`];
      const trusted = { NODE_EXTRA_CA_CERTS: certificate };
      const codes = async (env: Record<string, string>) => {
        const { code, stdout, stderr } = await run("dedup", args, { env });
        assert.ok(!`${stdout}${stderr}`.includes("s3cret"), stderr);
        return [code, stderr] as const;
      };
      const [byToken, byPassword, wrong, untrusted] = await Promise.all([
        codes({ ...trusted, MILVUS_TOKEN: "root:s3cret" }),
        codes({ ...trusted, MILVUS_USERNAME: "root", MILVUS_PASSWORD: "s3cret" }),
        codes({ ...trusted, MILVUS_TOKEN: "root:other" }),
        codes({ MILVUS_TOKEN: "root:s3cret" }),
      ]);
      assert.equal(byToken[0], 0, byToken[1]);
      assert.equal(byPassword[0], 0, byPassword[1]);
      assert.equal(wrong[0], 5);
      assert.match(wrong[1], /auth check failure; set MILVUS_TOKEN/);
      assert.equal(untrusted[0], 5);
      assert.match(untrusted[1], /certificate/);
    } finally {
      await secured.kill();
    }
  });
});

describe("an export to Milvus without its SDK", () => {
  it("exits with 5 and the line that installs the SDK, which no other export needs", async () => {
    const few = join(folder, "bare");
    await dedup([writeJsonl(`${few}.jsonl`, [{ id: 1, text: "the only text" }])], few, { idField: "id" });
    const hook = `export const resolve = (name, context, next) => {
      if (name.startsWith("@zilliz/")) throw Object.assign(new Error("not found"), { code: "ERR_MODULE_NOT_FOUND" });
      return next(name, context);
    }`;
    const module = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
    const register = `import { register } from "node:module"; register(${JSON.stringify(module(hook))});`;
    const env = { NODE_OPTIONS: `--import=${module(register)}` };
    const { code, stderr } = await run("dedup", ["export", few, "--to", "milvus://localhost/texts"], { env });
    assert.equal(code, 5, stderr);
    assert.match(stderr, /not installed .*install it: npm install @zilliz\/milvus2-sdk-node@\d+\.\d+\.\d+/);
    const file = await run("dedup", ["export", few, "--to", join(folder, "bare.parquet"), "--layout", "pinecone"], {
      env,
    });
    assert.equal(file.code, 0, file.stderr);
  });
});
