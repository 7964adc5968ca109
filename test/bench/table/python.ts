import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./root.js";

const PEERS = join(ROOT, "test/bench/peers");
const REQUIRED = join(PEERS, "requirements.txt");
/** Peers of single tables, which not every machine can have. */
const OPTIONAL = join(PEERS, "requirements-optional.txt");

/** Runs a program; returns undefined where it succeeds, else the last line that it said. */
function attempt(program: string, args: readonly string[]): string | undefined {
  const { status, stderr, stdout, error } = spawnSync(program, args, { encoding: "utf8" });
  if (status === 0) return undefined;
  return error?.message ?? `${stderr}${stdout}`.trim().split("\n").at(-1) ?? `exit ${status}`;
}

/** An interpreter of this machine that can make an environment; the peers have no builds for older ones. */
const PROBE = "import sys, venv, ensurepip; assert sys.version_info >= (3, 11), 'Python 3.11 or later is needed'";

function findPython(): string | undefined {
  return ["python3", "python"].find((name) => attempt(name, ["-c", PROBE]) === undefined);
}

/** The user's folder for what can be made again. */
function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (process.platform === "win32" && LOCALAPPDATA) return LOCALAPPDATA;
  return XDG_CACHE_HOME || join(homedir(), ".cache");
}

/**
 * A Python that has the peers: the one of an environment in the user's cache folder, which is made at the first call and again
 * where the requirements have changed.
 * @param say tells what takes time
 * @returns the interpreter, or a line that says what to do
 */
export function peersPython(say: (line: string) => void): { python: string } | { missing: string } {
  const pins = createHash("sha256").update(readFileSync(REQUIRED)).update(readFileSync(OPTIONAL)).digest("hex");
  const folder = join(cacheFolder(), "bge-dedup", `bench-python-${pins.slice(0, 12)}`);
  const python = join(folder, ...(process.platform === "win32" ? ["Scripts", "python.exe"] : ["bin", "python"]));
  const complete = join(folder, "complete");
  if (existsSync(complete)) return { python };
  const base = findPython();
  const own = "or name an interpreter that has the peers by --python";
  if (base === undefined)
    return { missing: `no Python 3.11 or later that makes environments (Debian: python3-venv); install one, ${own}` };
  say(`making a Python environment for the peers in ${folder} (once, some 700 MB)`);
  mkdirSync(folder, { recursive: true });
  const failed =
    attempt(base, ["-m", "venv", folder]) ?? attempt(python, ["-m", "pip", "install", "-q", "-r", REQUIRED]);
  if (failed !== undefined) return { missing: `${failed}; install test/bench/peers/requirements.txt yourself, ${own}` };
  const without = attempt(python, ["-m", "pip", "install", "-q", "-r", OPTIONAL]);
  if (without !== undefined) say(`without usearch and semhash: ${without}`);
  writeFileSync(complete, "");
  return { python };
}
