/** Beside its vectors a stage needs room for the engine's tiles and for what is collected late, in bytes. */
const RESERVE = 96 * 2 ** 20;

/**
 * Bytes of vectors that a stage may hold, so that the process stays under `memory` as far as it can: what is resident by
 * then is not available. At least an eighth of it, below which tiles would be too small to be of use.
 */
export function vectorBudget(memory: number): number {
  return Math.max(memory - process.memoryUsage.rss() - RESERVE, memory / 8);
}

/** Most resident memory of this process so far, in bytes, whatever it has run before. */
export function peakMemory(): number {
  return process.resourceUsage().maxRSS * 1024;
}

/** Notes where the process has needed more than it was to. */
export function noteOverMemory(memory: number, note: (message: string) => void): void {
  const peak = peakMemory();
  if (peak <= memory) return;
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MB`;
  note(
    `resident memory reached ${mib(peak)}, above --memory ${mib(memory)}: the program, the model and the table of texts need as much`,
  );
}
