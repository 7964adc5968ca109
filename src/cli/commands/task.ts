import type { Argv } from "yargs";
import { runCommand } from "../command.js";
import { verdictOf } from "../exit-code.js";
import { sharedFlags, taskFlags } from "../flags.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `task`. */
export function addTask(parser: Argv, exitWith: ExitWith): void {
  parser.command("task <run> <stage> <index>", "do one task of a planned run", taskArguments, (flags) =>
    exitWith(taskCommand(flags)),
  );
}

function taskArguments(args: Argv) {
  const { quiet, progress } = sharedFlags;
  return args
    .positional("run", {
      type: "string",
      demandOption: true,
      describe: "folder in which bge-dedup plan planned the run",
    })
    .positional("stage", { type: "string", demandOption: true, describe: "stage, as bge-dedup status names it" })
    .positional("index", { type: "string", demandOption: true, describe: "number of the task in its stage, from 0" })
    .options({ ...taskFlags, quiet, progress, "log-format": sharedFlags["log-format"] })
    .example(
      "$0 task /shared/run read 3",
      "do the fourth task of the stage read, for an engine that deals the tasks itself",
    )
    .epilogue(EXIT_CODES);
}

function taskCommand(flags: FlagsOf<typeof taskArguments>): Promise<number> {
  return runCommand(flags, async ({ reporter, signal }) => {
    const { enterRun, parseIndex } = await import("../engine/enter-run.js");
    const { run, stage } = flags;
    const index = parseIndex(flags.index);
    const entered = await enterRun(run, flags);
    if (entered === undefined) {
      reporter.note(`the run in ${run} is finished`);
      return 0;
    }
    const { runOneTask } = await import("../../engine/work/one-task.js");
    const { STAGES } = await import("../../engine/stages.js");
    const means = { ...entered, stages: STAGES, reporter, signal, verdictOf };
    const isNew = await runOneTask(means, { stage, index });
    reporter.note(`task ${index} of ${stage} ${isNew ? "is done" : "was done before"}`);
    return 0;
  });
}
