import type { Argv } from "yargs";
import { counted } from "../../counted.js";
import type { TaskName } from "../../engine/work/schedule.js";
import { runCommand } from "../command.js";
import { endWithInput } from "../engine/attached.js";
import { verdictOf } from "../exit-code.js";
import { sharedFlags, taskFlags, workFlags } from "../flags.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `work`. */
export function addWork(parser: Argv, exitWith: ExitWith): void {
  parser.command("work <run>", "do tasks of a planned run until it is finished", workArguments, (flags) =>
    exitWith(workCommand(flags)),
  );
}

function workArguments(args: Argv) {
  const { threads, memory } = taskFlags;
  const { quiet } = sharedFlags;
  return args
    .positional("run", {
      type: "string",
      demandOption: true,
      describe: "folder in which bge-dedup plan planned the run",
    })
    .options({
      ...workFlags,
      threads: { ...threads, describe: "threads for the numeric work (those of the plan, else all cores)" },
      memory: { ...memory, describe: "ceiling of resident memory (that of the plan)" },
      quiet: { ...quiet, describe: "print nothing but errors" },
      "log-format": sharedFlags["log-format"],
    })
    .example("$0 work /shared/run", "a worker; start as many as you like, on any machine that shares the folder")
    .epilogue(EXIT_CODES);
}

function workCommand(flags: FlagsOf<typeof workArguments>): Promise<number> {
  if (flags.attached) endWithInput();
  // A worker has no bars: nobody sees where its tasks begin and end but in the run folder.
  return runCommand({ ...flags, progress: "log" }, async ({ reporter, signal }) => {
    const { enterRun } = await import("../engine/enter-run.js");
    const entered = await enterRun(flags.run, flags);
    if (entered === undefined) {
      reporter.note(`the run in ${flags.run} is finished`);
      return 0;
    }
    const { runWorker } = await import("../../engine/work/worker.js");
    const { STAGES } = await import("../../engine/stages.js");
    const { attached, phase } = flags;
    const onDone = ({ stage, index }: TaskName, seconds: number) =>
      attached || reporter.note(`${stage} ${index}: done in ${seconds.toFixed(1)} s`);
    const done = await runWorker({ ...entered, stages: STAGES, phase, reporter, signal, verdictOf, onDone });
    if (!attached) reporter.note(`nothing is left to do; this worker has done ${counted(done, "task")}`);
    return 0;
  });
}
