import { getSystemErrorMap } from "node:util";
import { mayPass } from "../errors.js";

/** How a command ends for an error. */
export interface Verdict {
  readonly exitCode: number;
  /** What failed, and the cure. */
  readonly message: string;
}

/** What a rerun may cure: a failed run. */
const FAILED = 1;
const INPUT = 3;
const UNAVAILABLE = 5;

/** Node's codes for a library that is not installed, or not for this system. */
const NOT_INSTALLED = new Set(["ERR_DLOPEN_FAILED", "ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/** How the engine of JavaScript, a worker and onnxruntime say that there is no memory left. */
const NO_MEMORY = /array buffer allocation failed|bad_alloc|out of memory|cannot allocate memory/i;

/** Codes of errors of the system, such as EACCES. */
const SYSTEM_CODES = new Set([...getSystemErrorMap().values()].map(([code]) => code));

/**
 * The exit code of an error, and what to tell. An error of errors.ts says both itself; only an input that a disk or a
 * server of files does not give at the moment is a failed run. Of all other errors, too, those alone give exit code 1,
 * after which a scheduler repeats the command, that may pass: a lack of memory, and errors of the system that pass. A
 * file or right that is missing stays missing (3), as does a library that is not installed (5). Whatever else is thrown
 * nobody has foreseen. It is a defect of this program, which the same input meets again (3).
 */
export function verdictOf(error: unknown): Verdict {
  const {
    exitCode,
    code = "",
    message = String(error),
  } = (error ?? {}) as {
    exitCode?: number;
    code?: string;
    message?: string;
  };
  if ((exitCode === undefined || exitCode === INPUT) && mayPass(error)) return { exitCode: FAILED, message };
  if (exitCode !== undefined) return { exitCode, message };
  if (NO_MEMORY.test(message) || code === "ERR_WORKER_OUT_OF_MEMORY") {
    return {
      exitCode: FAILED,
      message: `not enough memory (${message}): lower --memory and --threads, or end other programs, and run again`,
    };
  }
  if (NOT_INSTALLED.has(code)) {
    const cure = "install bge-dedup again on this machine (npm install -g bge-dedup)";
    return { exitCode: UNAVAILABLE, message: `a part of bge-dedup does not load: ${message}; ${cure}` };
  }
  if (SYSTEM_CODES.has(code)) return { exitCode: INPUT, message };
  const { name } = (error as Error | undefined)?.constructor ?? {};
  const kind = name === undefined || name === "Error" ? "" : `${name}: `;
  return {
    exitCode: INPUT,
    message: `a defect of bge-dedup: ${kind}${message}; report it with the input and what BGE_DEBUG=1 adds to this message`,
  };
}
