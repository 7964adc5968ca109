import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Bytes that a stage needs besides its vectors, for the engine's tiles and for garbage that is collected late. */
const RESERVE = 112 * 2 ** 20;

/**
 * Bytes of vectors that a stage may hold so that the process stays below `memory` if possible: what is left beside the
 * resident memory and `RESERVE`. At least an eighth of `memory`, because smaller tiles would be useless.
 */
export function vectorBudget(memory: number): number {
  const left = () => memory - process.memoryUsage.rss() - RESERVE;
  // Garbage of the previous stage would count as used memory: 0 to 90 MB after a million rows.
  if (left() < memory / 2) collectGarbage();
  return Math.max(left(), memory / 8);
}

/** Collects garbage if the garbage of the previous stage may be in the way of the next. */
export function makeRoom(memory: number): void {
  if (process.memoryUsage.rss() > memory - RESERVE) collectGarbage();
}

/** Runs the garbage collector, which takes some 20 ms, so that unused memory returns to the system. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  // A collection frees buffers in the background; the second collection waits until they are freed.
  collect();
}

/** Most resident bytes of this process so far, whatever the process has run. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Bytes that the program takes with the builtin model and few rows. Measured: 190 to 270 MB for up to 100,000 rows. */
const PROGRAM = 256 * 2 ** 20;

/** Notes at the start if the ceiling is below what the program itself takes, so that nobody relies on the ceiling. */
export function noteSmallMemory(memory: number, note: (message: string) => void): void {
  if (memory >= PROGRAM) return;
  note(
    `--memory ${mebibytes(memory)} cannot be held: the program alone takes about ${mebibytes(PROGRAM)}, a model comes on top; ` +
      "the run goes on with the smallest buffers it can work with",
  );
}

/** Notes at the end if the process has needed more than the ceiling. */
export function noteOverMemory(memory: number, note: (message: string) => void): void {
  const peak = peakMemory();
  if (peak <= memory) return;
  note(
    `resident memory reached ${mebibytes(peak)}, above --memory ${mebibytes(memory)}: the program, the model and the table of texts need as much`,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)} MB`;
}
