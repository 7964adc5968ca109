import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/** Beside its vectors a stage needs room for the engine's tiles and for what is collected late, in bytes. */
const RESERVE = 112 * 2 ** 20;

/**
 * Bytes of vectors that a stage may hold, so that the process stays under `memory` as far as it can: what is resident by
 * then is not available. At least an eighth of it, below which tiles would be too small to be of use.
 */
export function vectorBudget(memory: number): number {
  const left = () => memory - process.memoryUsage.rss() - RESERVE;
  // Garbage of the stage before would be taken for used: after a million rows that was 0 to 90 MB, as it happened.
  if (left() < memory / 2) collectGarbage();
  return Math.max(left(), memory / 8);
}

/** Makes room for the next stage where garbage of the one before may be in its way. */
export function makeRoom(memory: number): void {
  if (process.memoryUsage.rss() > memory - RESERVE) collectGarbage();
}

/** Gives back to the system what nobody refers to any longer; takes some 20 ms. */
function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  collect();
  // Buffers are freed beside it; the next collection waits for that.
  collect();
}

/** Most resident memory of this process so far, in bytes, whatever it has run before. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/**
 * What the program takes with the builtin model and no more than some ten thousand rows: measured, 190 to 270 MB for up to
 * 100,000.
 */
const PROGRAM = 256 * 2 ** 20;

/** Says at the start that a ceiling is below what the program itself takes, so that nobody relies on it. */
export function noteSmallMemory(memory: number, note: (message: string) => void): void {
  if (memory >= PROGRAM) return;
  note(
    `--memory ${mebibytes(memory)} cannot be held: the program alone takes about ${mebibytes(PROGRAM)}, a model comes on top; ` +
      "the run goes on with the smallest buffers it can work with",
  );
}

/** Notes where the process has needed more than it was to. */
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
