import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { clusterOnWorkers } from "../../src/engine/cluster/run.js";
import type { Executor } from "../../src/engine/executor.js";
import { cluster } from "../../src/index.js";
import type { Reporter } from "../../src/reporter.js";
import { runCluster } from "../../src/run/cluster.js";
import { clusterOptions } from "../../src/run/flags/cluster.js";
import type { RunContext } from "../../src/run/options.js";
import { run, start } from "../cli/command-line.js";
import { normals } from "../cluster/oracle.js";
import { dedup, outputBytes, silent, testFolder, writeJsonl } from "../run/folders.js";
import { exchangeOf, fileIn } from "./cluster-workers.js";

const folder = testFolder();
const rows = join(folder, "rows");
const flags = { k: 12, iterations: 9, tolerance: 0, threads: 1 };
const args = ["--k", "12", "--iterations", "9", "--tolerance", "0"];
let whole: Record<string, Buffer>;

before(async () => {
  const normal = normals(3);
  const records = Array.from({ length: 2000 }, (_, i) => ({ text: `row ${i}`, v: Array.from({ length: 16 }, normal) }));
  const input = writeJsonl(join(folder, "rows.jsonl"), records);
  await dedup([input], rows, { vectorField: "v", threshold: 1 });
  const out = copyOf("whole");
  await cluster({ inputs: out, ...flags });
  whole = clustersOf(out);
});

/** A copy of the rows, to be clustered in place. */
function copyOf(name: string): string {
  const out = join(folder, name);
  cpSync(rows, out, { recursive: true });
  return out;
}

function clustersOf(out: string): Record<string, Buffer> {
  const { "clusters.arrow": clusters, "centroids.arrow": centroids } = outputBytes(out);
  return { clusters, centroids };
}

/** An engine that waits until its workers are there, and starts none again. */
function plainEngine(out: string) {
  const workers: { readonly id: string; readonly child: ChildProcess }[] = [];
  const executor: Executor = {
    name: "local",
    require: async () => {},
    async start({ command, workers: count }) {
      const [program, ...words] = command();
      const children = Array.from({ length: count }, () => spawn(program, words, { stdio: "ignore" }));
      for (const child of children) {
        const own = (name: string) => readFileSync(join(exchangeOf(out), name), "utf8").includes(`"pid":${child.pid},`);
        for (let id: string | undefined; id === undefined; ) {
          await fileIn(exchangeOf(out), /^worker\.\w+$/);
          await new Promise((resolve) => setTimeout(resolve, 5));
          id = readdirSync(exchangeOf(out)).find((name) => /^worker\.\w+$/.test(name) && own(name));
          if (id !== undefined) workers.push({ id: id.slice("worker.".length), child });
        }
      }
      return {
        state: async () => ({ working: count, waiting: 0, ended: children.every(hasEnded) }),
        async stop() {
          await Promise.all(children.filter((child) => !hasEnded(child)).map((child) => once(child, "close")));
        },
      };
    },
  };
  return { executor, workers };
}

const hasEnded = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/** Command line of a worker from the build of this test. */
const workCommand = (out: string) => {
  const module = new URL("../../src/cli/cluster.js", import.meta.url).href;
  const code = `import(${JSON.stringify(module)}).then(async (m) => { process.exitCode = await m.main(process.argv.slice(1)); })`;
  return [process.execPath, "-e", code, "--", "work", out, "--threads", "1"];
};

test("a worker that is killed in the middle of an iteration changes nothing", { timeout: 60_000 }, async () => {
  const out = copyOf("killed-worker");
  const { executor, workers } = plainEngine(out);
  const notes: string[] = [];
  let stopped: { readonly id: string; readonly child: ChildProcess } | undefined;
  let killing: Promise<void> | undefined;
  // The worker is stopped between two iterations, so that it cannot answer, and killed when it is asked.
  const reporter: Reporter = {
    stage: (name, total) => ({
      advance(done) {
        if (name !== "k-means" || stopped !== undefined || done < total / 2) return;
        stopped = workers[1];
        stopped.child.kill("SIGSTOP");
        killing = fileIn(exchangeOf(out), new RegExp(`^ask\\..*${stopped.id}`)).then(
          () => void stopped?.child.kill("SIGKILL"),
        );
      },
      end() {},
    }),
    note: (message) => notes.push(message),
  };
  const context: RunContext = { reporter, stdin: process.stdin };
  const shared = { executor, workers: 2, engineArguments: [], command: workCommand(out) };
  await clusterOnWorkers(clusterOptions({ ...flags, out }, [out]), context, shared);
  await killing;
  assert.deepEqual(clustersOf(out), whole);
  assert.deepEqual(
    workers.map(({ child }) => child.signalCode ?? child.exitCode),
    [0, "SIGKILL"],
  );
  assert.match(notes.join(), new RegExp(`a worker of k-means is lost \\(${stopped?.id}\\)`));
  assert.ok(!existsSync(join(out, ".work")));
});

test("where all workers are lost, the command goes on by itself", { timeout: 60_000 }, async () => {
  const out = copyOf("alone");
  const { executor, workers } = plainEngine(out);
  const notes: string[] = [];
  const reporter: Reporter = {
    stage: (name, total) => ({
      advance(done) {
        if (name === "k-means" && done > total / 3) workers[0].child.kill("SIGKILL");
      },
      end() {},
    }),
    note: (message) => notes.push(message),
  };
  const context: RunContext = { reporter, stdin: process.stdin };
  const shared = { executor, workers: 1, engineArguments: [], command: workCommand(out) };
  await clusterOnWorkers(clusterOptions({ ...flags, out }, [out]), context, shared);
  assert.deepEqual(clustersOf(out), whole);
  assert.match(notes.join(), /those of local have ended\), so this process begins to work/);
});

test("a leader that is killed leaves no worker, and the same command gives the same bytes", {
  timeout: 60_000,
}, async () => {
  const out = copyOf("killed-leader");
  const command = [out, ...args, "--executor", "local", "--workers", "2", "-q"];
  const leader = start("cluster", command);
  await fileIn(exchangeOf(out), /^ask\./);
  const pids = readdirSync(exchangeOf(out))
    .filter((name) => /^worker\.\w+$/.test(name))
    .map((name) => (JSON.parse(readFileSync(join(exchangeOf(out), name), "utf8")) as { pid: number }).pid);
  leader.child.kill("SIGKILL");
  await leader.outcome;
  assert.ok(pids.length > 0);
  for (const pid of pids) while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.ok(existsSync(exchangeOf(out)));
  const { code, stderr } = await run("cluster", command);
  assert.equal(code, 0, stderr);
  assert.deepEqual(clustersOf(out), whole);
  const manifest = JSON.parse(readFileSync(join(out, "manifest.json"), "utf8"));
  assert.deepEqual(manifest.cluster.engine, { executor: "local", workers: 2, seen: manifest.cluster.engine.seen });
  assert.ok(!existsSync(join(out, ".work")));
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a second leader of the same folder is refused while the first one works", { timeout: 60_000 }, async () => {
  const out = copyOf("two-leaders");
  const { executor } = plainEngine(out);
  let second: Promise<unknown> | undefined;
  const reporter: Reporter = {
    stage: (name, total) => ({
      advance(done) {
        if (name !== "k-means" || second !== undefined || done < total / 2) return;
        const context: RunContext = { reporter: silent, stdin: process.stdin };
        second = assert.rejects(runCluster(clusterOptions({ ...flags, out }, [out]), context), /has been writing to/);
      },
      end() {},
    }),
    note() {},
  };
  const shared = { executor, workers: 1, engineArguments: [], command: workCommand(out) };
  await clusterOnWorkers(clusterOptions({ ...flags, out }, [out]), { reporter, stdin: process.stdin }, shared);
  await second;
  assert.deepEqual(clustersOf(out), whole);
});
