import type { Argv } from "yargs";
import { memoryOf, threadsOf } from "../../run/flags/shared.js";
import { runCommand } from "../command.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "../commands/add-command.js";
import { sharedFlags, workFlags } from "../flags.js";
import { endWithInput } from "./attached.js";

/** Declares `bge-cluster work`. */
export function addClusterWork(parser: Argv, exitWith: ExitWith): void {
  parser.command("work <run>", "do a share of the k-means that another bge-cluster leads", workArguments, (flags) =>
    exitWith(workCommand(flags)),
  );
}

function workArguments(args: Argv) {
  const { threads, memory, quiet } = sharedFlags;
  return args
    .positional("run", {
      type: "string",
      demandOption: true,
      describe: "output folder of a bge-cluster that runs with --executor",
    })
    .options({ ...workFlags, threads, memory, quiet, "log-format": sharedFlags["log-format"] })
    .example("$0 work /shared/run", "a worker more, on any machine that shares the folder")
    .epilogue(EXIT_CODES);
}

function workCommand(flags: FlagsOf<typeof workArguments>): Promise<number> {
  if (flags.attached) endWithInput();
  return runCommand({ ...flags, resumes: false, progress: "log" }, async ({ reporter, signal }) => {
    const [threads, memory] = [threadsOf(flags.threads), memoryOf(flags.memory)];
    const { placesOf } = await import("../../engine/cluster/lead.js");
    const { serveShards } = await import("../../engine/cluster/serve.js");
    await serveShards({ ...placesOf(flags.run), threads, memory, signal });
    if (!flags.attached) reporter.note(`the k-means in ${flags.run} is done`);
    return 0;
  });
}
