/** Longest that a loop keeps its thread before it lets other work in, in milliseconds. */
const LONGEST = 100;

/**
 * Returns what a long loop awaits between its units of work: now and then it lets the thread's other work run, the handler
 * of a signal among it, and throws the signal's reason once that is aborted. Units of up to a second keep a stop prompt.
 */
export function createBreaks(signal?: AbortSignal): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last >= LONGEST) {
      await new Promise((resolve) => setTimeout(resolve));
      last = performance.now();
    }
    signal?.throwIfAborted();
  };
}
