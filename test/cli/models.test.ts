import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { KNOWN_MODELS } from "../../src/models/registry.js";
import { noise } from "../models/fake-hub.js";
import { hub, MODEL, NAME, root } from "../models/hub-fixture.js";

const MAIN = new URL("../../src/cli/dedup.js", import.meta.url).href;
const END = "\0";
/** Runs the command lines one after the other, each with its exit code and END after its output. */
const RUN = `import(${JSON.stringify(MAIN)}).then(async ({ main }) => {
  for (const line of JSON.parse(process.argv[1])) {
    const code = await main(line);
    process.stdout.write(code + ${JSON.stringify(END)});
    process.stderr.write(${JSON.stringify(END)});
  }
})`;

/** What a command line gave. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs command lines of bge-dedup in another process, so that the fake hub of this one can answer. */
async function run(lines: readonly string[][], env: Record<string, string> = {}): Promise<Result[]> {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^HF_|_proxy$/i.test(name)));
  const options = { env: { ...clean, HF_HOME: root, HF_ENDPOINT: hub.endpoint, ...env }, cwd: root };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["-e", RUN, JSON.stringify(lines)], options);
  const errors = stderr.split(END);
  return stdout
    .split(END)
    .slice(0, -1)
    .map((text, index) => {
      const [, output, code] = /^([\s\S]*?)(\d+)$/.exec(text) ?? [];
      return { code: Number(code), stdout: output, stderr: errors[index] };
    });
}

test("models lists every known name with its size and what is cached, for a person and for a program", async () => {
  const [{ code, stdout, stderr }] = await run([["models"]]);
  assert.deepEqual([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  for (const { name, dim, megabytes } of KNOWN_MODELS) {
    const line = lines.find((each) => each.startsWith(`${name} `));
    assert.match(line ?? "", new RegExp(` ${dim} .* ${megabytes.fp32}/${megabytes.fp16}/${megabytes.int8} +no$`));
  }
  assert.match(stdout, /^builtin .*part of the program$/m);
  assert.equal(hub.requests.length, 0);

  hub.repositories.set("Xenova/bge-small-zh-v1.5", MODEL);
  const [, , listed] = await run([
    ["models", "pull", "bge-small-zh-v1.5", "--dtype", "fp16", "-q"],
    ["models", "pull", NAME],
    ["models", "list", "--json"],
  ]);
  const list = JSON.parse(listed.stdout);
  assert.equal(list.cache, join(root, "hub"));
  const cached = list.models.filter((model: { cached: string[] }) => model.cached.length > 0);
  assert.deepEqual(
    cached.map((model: { name: string; cached: string[]; threshold?: number }) => [
      model.name,
      model.cached,
      model.threshold,
    ]),
    [
      ["bge-small-zh-v1.5", ["fp16"], 0.9],
      [NAME, ["fp32"], undefined],
    ],
  );
});

test("pull downloads with progress on standard error and says where the model lies; remove takes it away", async () => {
  const [pulled, quiet, removed, gone] = await run([
    ["models", "pull", NAME, "--progress", "log"],
    ["models", "pull", NAME, "--quiet"],
    ["models", "remove", NAME],
    ["models", "rm", NAME],
  ]);
  assert.equal(pulled.code, 0);
  assert.match(pulled.stdout, /^owner\/bge-tiny: fp32, 340 kB in .*snapshots\/[0-9a-f]{40}\n$/);
  assert.match(pulled.stderr, /downloading owner\/bge-tiny \(fp32\), 340 kB[\s\S]*download: done, 0 MB in /);
  assert.deepEqual(quiet, { code: 0, stdout: "", stderr: "" });
  assert.match(removed.stdout, /^removed .*models--owner--bge-tiny, 340 kB\n$/);
  assert.match(gone.stdout, /is not in /);
});

test("without a network and without the model, exit 5 comes with the three ways out", async () => {
  writeFileSync(join(root, "in.jsonl"), '{"text":"a"}\n');
  const [{ code, stderr }] = await run([["in.jsonl", "-m", "bge-large-zh-v1.5"]], {
    HF_ENDPOINT: "http://127.0.0.1:1",
  });
  assert.equal(code, 5);
  assert.match(stderr, /HF_ENDPOINT.*folder that holds.*--model builtin/);
});

test("names that cannot be are usage or model errors, not crashes", async () => {
  const cases: [string[], number, RegExp][] = [
    [["models", "pull", "builtin"], 2, /part of the program/],
    [["models", "remove", "../x"], 5, /looks like a path/],
    [["models", "remove", "x"], 5, /expected builtin, bge-small-zh/],
    [["models", "frobnicate"], 2, /frobnicate/],
    [["models", "pull", "owner/nothing"], 5, /there is no such repository/],
  ];
  const results = await run(cases.map(([args]) => args));
  for (const [index, [args, code, message]] of cases.entries()) {
    assert.equal(results[index].code, code, args.join(" "));
    assert.match(results[index].stderr, message);
    assert.doesNotMatch(results[index].stderr, /\n\s+at /);
  }
});

test("nothing in a model's repository is executed or loaded as a module", async () => {
  const script = Buffer.from('import { writeFileSync } from "node:fs"; writeFileSync("executed", "");');
  const hostile = new Map([
    ...MODEL,
    ...["index.js", "tokenizer.js", "tokenizer_config.js", "onnx/index.js", "package.json", "modeling.py"].map(
      (path) => [path, script] as const,
    ),
    ["config.json", Buffer.from('{"auto_map":{"AutoModel":"modeling.Model"},"trust_remote_code":true}')] as const,
    ["tokenizer.json", noise(1500, 9)] as const,
  ]);
  hub.repositories.set(NAME, hostile);
  writeFileSync(join(root, "in.jsonl"), '{"text":"a"}\n');
  const [{ code, stderr }] = await run([["in.jsonl", "-m", NAME, "-o", "out"]]);
  assert.notEqual(code, 0);
  assert.match(stderr, /tokenizer\.json cannot be used/);
  assert.ok(!readdirSync(root).includes("executed"));
});
