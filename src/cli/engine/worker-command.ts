import { fileURLToPath } from "node:url";

/** Flags of Node that a variable of the environment may hold, and that yet mean one process, not all. */
const OF_ONE_PROCESS = /^--(input-type|inspect|test|watch|cpu-prof|heap-prof|report|redirect-warnings|title)/;

/**
 * Command line that starts a program of this package as this process was started: with the same Node and its flags, as
 * of memory or of modules to load first, but without what Node was told to run in place of a file.
 * @param name `bge-dedup` or `bge-cluster`
 */
export function programCommand(name: string): string[] {
  // From here and from the bundle of the commands, which lies as deep.
  const program = fileURLToPath(new URL(`../../../../bin/${name}.js`, import.meta.url));
  return [process.execPath, ...flagsForAll(process.execArgv), program];
}

/** The flags of Node that hold for every process; a word that is no flag is the value of the one before it. */
export function flagsForAll(execArgv: readonly string[]): string[] {
  let isTaken = false;
  return execArgv.filter((word) => {
    if (word.startsWith("-")) isTaken = process.allowedNodeEnvironmentFlags.has(word) && !OF_ONE_PROCESS.test(word);
    return isTaken;
  });
}

/**
 * The command line of a worker of a run.
 * @param program as in `programCommand`
 * @param out absolute path of the run's output folder
 * @param options phase, threads and bytes of memory of the worker, as far as they are given
 */
export function workerCommand(
  program: string,
  out: string,
  { phase, threads, memory }: { readonly phase?: string; readonly threads?: number; readonly memory?: number },
): string[] {
  const flags = Object.entries({ phase, threads, memory });
  const given = flags.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]));
  return [...programCommand(program), "work", out, ...given];
}
