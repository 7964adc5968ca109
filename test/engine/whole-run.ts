import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { below, seededRandom } from "../../src/random.js";
import { run } from "../cli/command-line.js";
import { outputBytes, writeJsonl } from "../run/folders.js";

/** The command as a user starts it: workers are started with the flags of Node that it has. */
const PROGRAM = fileURLToPath(new URL("../../../bin/bge-dedup.js", import.meta.url));

/** Writes six files of texts, many of them equal or near to one another, within a file and across. */
export function writeCorpus(folder: string): string[] {
  const random = seededRandom(7);
  const word = () => Array.from({ length: 5 }, () => String.fromCharCode(97 + below(random, 26))).join("");
  const families = Array.from({ length: 2000 }, () => Array.from({ length: 12 }, word));
  return Array.from({ length: 6 }, (_, file) => {
    const rows = Array.from({ length: 4000 }, (_, i) => {
      const words = [...families[below(random, families.length)]];
      if (i % 3 !== 0) words[below(random, words.length)] = word();
      return { id: `${file}-${i}`, text: words.join(" ") };
    });
    return writeJsonl(join(folder, `part-${file}.jsonl`), rows);
  });
}

/**
 * Runs bge-dedup over a corpus on one machine and by an engine, and compares all files of the two results.
 * @param flags those of the engine, from `--executor` on
 * @param disturb called once the workers have begun, with the folder of the run
 * @returns what the run by the engine told
 */
export async function requireSameBytes(
  folder: string,
  flags: readonly string[],
  disturb: (out: string) => Promise<void>,
): Promise<string> {
  const inputs = writeCorpus(folder);
  const one = join(folder, "one");
  const alone = await run("dedup", [...inputs, "--out", one, "--quiet"]);
  assert.equal(alone.code, 0, alone.stderr);
  const out = join(folder, "many");
  const child = spawn(process.execPath, [PROGRAM, ...inputs, "--out", out, ...flags], {
    env: { ...process.env, BGE_MODEL: "" },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let told = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  const ended = once(child, "close");
  await Promise.race([disturb(out), ended]).catch((error: unknown) => {
    child.kill();
    throw new Error(`${error}: ${told}`);
  });
  const [code] = await ended;
  assert.equal(code, 0, told);
  assert.deepEqual(outputBytes(out), outputBytes(one));
  const proof = await run("dedup", ["verify", out]);
  assert.equal(proof.code, 0, proof.stderr);
  return told;
}

/**
 * Kills the process that holds a task at this moment, at once.
 * @returns the task, such as embed-3
 */
export async function killHolder(out: string): Promise<string> {
  const claims = join(out, ".work", "claims");
  for (const end = performance.now() + 180_000; performance.now() < end; await sleep(5)) {
    for (const task of existsSync(claims) ? readdirSync(claims) : []) {
      try {
        const { pid } = JSON.parse(readFileSync(join(claims, task), "utf8")) as { pid: number };
        process.kill(pid, "SIGKILL");
        return task;
      } catch {
        // The task was done in that moment.
      }
    }
  }
  throw new Error("no worker has claimed a task within three minutes");
}
