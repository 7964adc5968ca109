/** Ends this process by a signal, which lets go of its work, when the process that started it is gone. */
export function endWithInput(): void {
  const end = () => process.kill(process.pid, "SIGTERM");
  process.stdin.on("end", end).on("error", end).resume();
  // Waiting for it keeps nobody alive.
  (process.stdin as { unref?: () => void }).unref?.();
}
