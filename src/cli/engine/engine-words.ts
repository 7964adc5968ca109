/**
 * Parts a command line with `--executor` at the first `--`: what stands behind it are flags of the engine. Without
 * `--executor` they are inputs, as ever.
 */
export function partAtEngine(argv: readonly string[]): {
  readonly own: readonly string[];
  readonly engine: readonly string[];
} {
  const end = argv.indexOf("--");
  const before = end < 0 ? argv : argv.slice(0, end);
  const named = before.some((word) => word === "--executor" || word.startsWith("--executor="));
  return end >= 0 && named ? { own: before, engine: argv.slice(end + 1) } : { own: argv, engine: [] };
}

/** Whether a flag is given on a command line: yargs does not tell a default from the same value written out. */
export function isGiven(argv: readonly string[], flag: string): boolean {
  return argv.some((word) => word === `--${flag}` || word.startsWith(`--${flag}=`));
}
