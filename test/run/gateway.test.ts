import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { hostname } from "node:os";
import { after, before, describe, it } from "node:test";
import { UsageError } from "../../src/errors.js";
import { expositionText, render } from "../../src/metrics/exposition.js";
import { dedupMetrics } from "../../src/metrics/result-metrics.js";
import { parseGateway, pushMetrics } from "../../src/run/metrics/gateway.js";
import { dedupFigures } from "../metrics/figures.js";

const command = "bge-dedup";
const path = (url: string) => parseGateway(url, {}).group(command).pathname;
const instance = /^[\w-][\w.-]*$/.test(hostname())
  ? `/instance/${hostname()}`
  : `/instance@base64/${Buffer.from(hostname()).toString("base64url")}`;

describe("the group of a push", () => {
  it("has the labels of the URL, this machine and the command", () => {
    const own = `/metrics/job/bge-dedup${instance}/command/bge-dedup`;
    assert.equal(path("http://host:9091"), own);
    assert.equal(path("http://host:9091/"), own);
    assert.equal(path("https://host/metrics/"), own);
    assert.equal(path("http://host/under/gateway"), `/under/gateway${own}`);
    assert.equal(path("http://host/metrics/job/faq"), `/metrics/job/faq${instance}/command/bge-dedup`);
    assert.equal(
      path("http://host/under/metrics/job/faq/instance/a/zone/b/"),
      "/under/metrics/job/faq/instance/a/zone/b/command/bge-dedup",
    );
    const { group, shown, job } = parseGateway("https://host:444/under/metrics/job/faq", {});
    assert.equal(shown, "https://host:444/under");
    assert.equal(job, "faq");
    assert.match(group("bge-dedup verify").href, /^https:\/\/host:444\/.*\/command@base64\/YmdlLWRlZHVwIHZlcmlmeQ$/);
  });

  it("has values that no path can hold as base64", () => {
    const coded = (value: string) => path(`http://host/metrics/job/${value}/instance/a`).split("/instance")[0];
    assert.equal(coded("a%2Fb"), `/metrics/job@base64/${Buffer.from("a/b").toString("base64url")}`);
    assert.equal(coded("%E4%B8%AD"), `/metrics/job@base64/${Buffer.from("中").toString("base64url")}`);
    assert.equal(coded("a%20b"), `/metrics/job@base64/${Buffer.from("a b").toString("base64url")}`);
    assert.equal(path("http://host/metrics/job@base64/L3RtcC9h/instance/a").split("/")[3], "L3RtcC9h");
    assert.equal(path("http://host/metrics/job/a/instance@base64/=").split("/")[5], "=");
    assert.equal(path("http://host/metrics/job@base64/ZmFx/instance/a").split("/instance")[0], "/metrics/job/faq");
  });

  it("of a URL that is none, or whose labels are wrong, is refused with what is wrong", () => {
    const refused = (url: string, words: RegExp, env: Record<string, string> = {}) =>
      assert.throws(
        () => parseGateway(url, env),
        (error: Error) => error instanceof UsageError && words.test(error.message),
        url,
      );
    refused("host:9091", /--push host:9091 is not a URL; expected one like http:\/\/host:9091/);
    refused("ftp://host", /is not a URL/);
    refused("", /is not a URL/);
    refused("http://host/metrics/job/faq/instance", /the label instance has no value/);
    refused("http://host/metrics/instance/a", /there is no job/);
    refused("http://host/metrics/job@base64/=", /there is no job/);
    refused("http://host/metrics/job/faq/a-b/c", /a-b is no name of a label/);
    refused("http://host/metrics/job/faq/__a/c", /__a is no name of a label/);
    refused("http://host/metrics/job/faq/a/b/a/c", /the label a is given twice/);
    refused("http://host/metrics/job/faq/command/c", /the label command is taken/);
    refused("http://host/metrics/job/%zz", /%zz is not percent-encoded/);
  });
});

describe("the credentials of a push", () => {
  const headers = (env: Record<string, string>) => parseGateway("http://host", env).headers();

  it("come from the environment", () => {
    assert.deepEqual(headers({}), {});
    assert.deepEqual(headers({ BGE_PUSH_TOKEN: " t0ken\n" }), { authorization: "Bearer t0ken" });
    assert.deepEqual(headers({ BGE_PUSH_USER: "me", BGE_PUSH_PASSWORD: "pass:ä" }), {
      authorization: `Basic ${Buffer.from("me:pass:ä").toString("base64")}`,
    });
    assert.throws(() => headers({ BGE_PUSH_PASSWORD: "x" }), UsageError);
    assert.throws(() => headers({ BGE_PUSH_TOKEN: "x", BGE_PUSH_USER: "y" }), UsageError);
    assert.throws(() => headers({ BGE_PUSH_TOKEN: "two words" }), UsageError);
  });

  it("are refused in the URL, and shown nowhere", () => {
    for (const url of [
      "http://user:sesame@host",
      "http://host?token=sesame",
      "http://host#sesame",
      "user:sesame@host",
      "sesame@host",
    ]) {
      assert.throws(
        () => parseGateway(url, {}),
        (error: Error) => error instanceof UsageError && !error.message.includes("sesame"),
        url,
      );
    }
    const gateway = parseGateway("http://host", { BGE_PUSH_TOKEN: "sesame" });
    assert.ok(!JSON.stringify(gateway).includes("sesame"));
  });
});

describe("a push", () => {
  const asked: { method?: string; url?: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  let answers: ((response: ServerResponse) => void)[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request.setEncoding("utf8")) body += chunk;
    asked.push({ method: request.method, url: request.url, headers: request.headers, body });
    (answers.shift() ?? ((answer) => answer.writeHead(200).end()))(response);
  });
  let base = "";
  before(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  const push = (options: { env?: Record<string, string>; replace?: boolean; limitMs?: number; url?: string } = {}) =>
    pushMetrics({
      gateway: parseGateway(options.url ?? `${base}/metrics/job/faq/instance/a`, options.env ?? {}),
      command,
      text: "bge_a 1\n",
      replace: options.replace ?? true,
      limitMs: options.limitMs ?? 5000,
    });
  const status =
    (code: number, text = "") =>
    (response: ServerResponse) =>
      void response.writeHead(code).end(text);

  it("is a PUT that replaces the group, or a POST that leaves other metrics, with the credentials", async () => {
    asked.length = 0;
    await push({ env: { BGE_PUSH_TOKEN: "t0ken" } });
    await push({ replace: false });
    assert.deepEqual(
      asked.map(({ method, url, body }) => [method, url, body]),
      ["PUT", "POST"].map((method) => [method, "/metrics/job/faq/instance/a/command/bge-dedup", "bge_a 1\n"]),
    );
    assert.equal(asked[0].headers.authorization, "Bearer t0ken");
    assert.equal(asked[1].headers.authorization, undefined);
    assert.match(asked[0].headers["content-type"] ?? "", /^text\/plain; version=0\.0\.4/);
  });

  it("is tried again where the trouble may pass", async () => {
    asked.length = 0;
    answers = [status(503), (response) => void response.destroy()];
    await push();
    assert.equal(asked.length, 3);
  });

  it("is given up at once where the gateway refuses it, with the gateway's words", async () => {
    asked.length = 0;
    answers = [status(400, "pushed metrics are invalid\n")];
    await assert.rejects(push(), /^Error: status 400 pushed metrics are invalid$/);
    answers = [status(401)];
    await assert.rejects(push(), /^Error: status 401$/);
    assert.equal(asked.length, 2);
  });

  it("is given up when its time is over: a gateway that is silent, down, troubled or endless", async () => {
    answers = [() => {}];
    await assert.rejects(push({ limitMs: 200 }), /no answer within 0\.2 s/);
    answers = [status(502, "bad gateway"), status(502)];
    await assert.rejects(push({ limitMs: 200 }), /status 502 bad gateway/);
    answers = [(response) => void response.writeHead(200).write("x".repeat(100))];
    await assert.rejects(push({ limitMs: 200 }), /no answer within 0\.2 s/);
    const unused = createServer().listen(0, "127.0.0.1");
    await once(unused, "listening");
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, "close");
    await assert.rejects(push({ url: `http://127.0.0.1:${port}`, limitMs: 200 }), /ECONNREFUSED/);
  });
});

const withoutGateway =
  spawnSync("prometheus-pushgateway", ["--version"]).error === undefined
    ? false
    : "prometheus-pushgateway is not installed (Debian: apt-get install prometheus-pushgateway)";

describe("a real Pushgateway", { skip: withoutGateway }, () => {
  let process: ChildProcess;
  let base = "";
  before(async () => {
    // Debian's keeps its metrics in /var/lib unless told otherwise.
    process = spawn("prometheus-pushgateway", ["--web.listen-address=127.0.0.1:0", "--persistence.file="], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    let log = "";
    const port = await new Promise((resolve, reject) => {
      process.once("exit", () => reject(new Error(log)));
      process.stderr?.on("data", (chunk) => {
        log += chunk;
        const [, found] = /[Ll]istening on"? address=\S*?:(\d+)/.exec(log) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    base = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    const ended = once(process, "exit");
    process.kill();
    await ended;
  });

  /** Groups of the gateway, as it tells them itself. */
  async function groups(): Promise<
    Record<string, { labels: Record<string, string>; metrics?: { value: string }[] }>[]
  > {
    const { data } = (await (await fetch(`${base}/api/v1/metrics`)).json()) as { data: never };
    return data;
  }

  it("takes all metrics under the labels meant, and a failure leaves the last success", async () => {
    const awkward = "a/b 中文";
    const gateway = parseGateway(`${base}/metrics/job/${encodeURIComponent(awkward)}/instance/@`, {});
    const gauges = dedupMetrics(dedupFigures);
    const success = { name: "bge_dedup_last_success_timestamp_seconds", help: "When.", samples: [{ value: 7 }] };
    const code = (value: number) => ({ name: "bge_dedup_exit_code", help: "Code.", samples: [{ value }] });
    const text = expositionText(render([...gauges, success, code(0)], { dataset: 'x "y" \\ \n 中' }));
    await pushMetrics({ gateway, command, text, replace: true, limitMs: 5000 });
    await pushMetrics({ gateway, command: "bge-cluster", text: "bge_cluster_rows 1\n", replace: true, limitMs: 5000 });
    const failed = expositionText(render([code(4)], { dataset: "x" }));
    await pushMetrics({ gateway, command, text: failed, replace: false, limitMs: 5000 });

    const all = await groups();
    const group = all.find(({ labels }) => (labels as unknown as Record<string, string>).command === command);
    assert.deepEqual(group?.labels, { job: awkward, instance: "@", command });
    const { bge_dedup_last_success_timestamp_seconds: last, bge_dedup_exit_code: exit } = group as never as Record<
      string,
      { metrics: { value: string; labels: Record<string, string> }[] }
    >;
    assert.equal(last.metrics[0].value, "7");
    assert.equal(last.metrics[0].labels.dataset, 'x "y" \\ \n 中');
    assert.equal(exit.metrics[0].value, "4");
    for (const { name, samples } of gauges) {
      if (samples.length > 0) assert.ok(name in (group as object), name);
    }
    assert.equal(all.length, 2, "the other command has a group of its own");

    await pushMetrics({ gateway, command, text: expositionText(render([code(0)], {})), replace: true, limitMs: 5000 });
    const replaced = (await groups()).find(
      ({ labels }) => (labels as never as { command: string }).command === command,
    );
    assert.equal("bge_dedup_last_success_timestamp_seconds" in (replaced as object), false);
  });
});
