import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The script beside the source of this file; the build has no copy of it. */
const SCRIPT = "test/export/serve.py";

/**
 * A python that has Milvus Lite: that of BGE_TEST_MILVUS_PYTHON, or else python3. A variable that is set and names a
 * python without it is a mistake of whoever set it, so the tests fail instead of being skipped.
 */
export const python = findPython();
/** Why the tests are skipped; false where they run. */
export const skipped =
  python === undefined &&
  "no python with Milvus Lite: python3 -m venv VENV && VENV/bin/pip install milvus-lite==3.2.0 pymilvus==3.0.2, then BGE_TEST_MILVUS_PYTHON=VENV/bin/python";

function findPython(): string | undefined {
  const named = process.env.BGE_TEST_MILVUS_PYTHON;
  if (named) return named;
  try {
    execFileSync("python3", ["-c", "import milvus_lite.adapter.grpc"], { stdio: "ignore" });
    return "python3";
  } catch {
    return undefined;
  }
}

/** A real server in a process of its own. */
export interface MilvusServer {
  readonly port: number;
  readonly child: ChildProcess;
  /** Ends the server at once, as a crash does; its data stays. */
  kill(): Promise<void>;
}

/** Starts a server on a folder, on a free port unless one is given. */
export async function startMilvus(data: string, ...flags: readonly string[]): Promise<MilvusServer> {
  const child = spawn(python as string, [SCRIPT, data, ...flags], { stdio: ["pipe", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (text) => {
    errors += text;
  });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout.once("data", (text) => resolve(Number(text)));
    child.once("error", reject);
    child.once("close", (code) => reject(new Error(`Milvus Lite ended with ${code}: ${errors}`)));
  });
  return {
    port,
    child,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "close");
    },
  };
}

/** A folder for the data of servers, removed when the process ends. */
export function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "bge-milvus-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
