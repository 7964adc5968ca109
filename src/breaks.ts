/** Longest time in milliseconds that a loop keeps its thread before it lets other work in. */
const LONGEST = 100;

/**
 * Makes the function that a long loop awaits between its units of work. The function lets the thread's other work run
 * once LONGEST has passed, signal handlers included. Units of up to a second let a run stop promptly.
 * @throws from the made function: the signal's reason, once the signal is aborted
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
