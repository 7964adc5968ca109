import { spawn } from "node:child_process";
import { once } from "node:events";
import { UnavailableError } from "../../errors.js";

/** What a program of an engine answered. */
export interface Answer {
  /** Exit code; 128 and more where a signal ended the program. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program of an engine, such as squeue, and how to come by it. */
export interface Program {
  readonly name: string;
  /** What to do where the program is not there: the rest of a sentence. */
  readonly cure: string;
}

/**
 * Runs a program of an engine and waits for its end.
 * @param input what the program reads from its standard input
 * @throws UnavailableError where the program is not on PATH
 */
export async function ask(program: Program, args: readonly string[], input = ""): Promise<Answer> {
  const child = spawn(program.name, args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  const answer = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      answer[name] += text;
    });
  }
  // A program that ends without reading its input breaks the pipe; its exit code tells why.
  child.stdin.on("error", () => {});
  child.stdin.end(input);
  try {
    const [code] = (await once(child, "close")) as [number | null];
    return { code: code ?? 128, ...answer };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "is not on PATH" : `does not start (${message})`;
    throw new UnavailableError(`${program.name} ${why}; ${program.cure}`);
  }
}

/** What a program said of its failure, on one line. */
export function complaint({ stdout, stderr, code }: Answer): string {
  const lines = `${stderr}\n${stdout}`.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "").join("; ");
  return said === "" ? `exit code ${code}` : said.slice(0, 500);
}
