import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import type { RedisAddress } from "../../src/cache/place.js";

/** Why the tests of Redis are skipped; false if a server can be started. */
export const withoutRedis =
  spawnSync("redis-server", ["--version"]).status === 0
    ? false
    : "redis-server is not installed (apt-get install redis-server)";

/** A real server of a test. */
export interface TestRedis {
  readonly port: number;
  readonly address: RedisAddress;
  readonly url: string;
  /** Runs redis-cli and returns what it prints. */
  cli(...args: readonly string[]): string;
  /** Ends the server at once, as a machine that loses its power. */
  kill(): Promise<void>;
}

/** A port that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts a server that keeps nothing on disk, and waits until it answers. */
export async function startRedis(options: readonly string[] = [], password?: string): Promise<TestRedis> {
  for (let attempt = 0; ; attempt++) {
    const port = await freePort();
    const args = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", ...options];
    const child = spawn("redis-server", [...args, ...(password === undefined ? [] : ["--requirepass", password])], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (await answers(child)) return testRedis(child, port, password);
    // Another program may have taken the port meanwhile.
    if (attempt === 4) throw new Error("redis-server does not start");
  }
}

/** True once the server accepts connections, false if it ends. */
async function answers(child: ChildProcess): Promise<boolean> {
  return new Promise((resolve) => {
    let log = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      log += text;
      if (/Ready to accept connections/.test(log)) resolve(true);
    });
    child.on("exit", () => resolve(false));
  });
}

function testRedis(child: ChildProcess, port: number, password: string | undefined): TestRedis {
  const ended = once(child, "exit");
  const secret = password === undefined ? [] : ["-a", password, "--no-auth-warning"];
  return {
    port,
    address: { host: "127.0.0.1", port, database: 0, tls: false, password },
    url: `redis://127.0.0.1:${port}/0`,
    cli: (...args) =>
      spawnSync("redis-cli", ["-p", String(port), ...secret, ...args], { encoding: "utf8" }).stdout.trim(),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
