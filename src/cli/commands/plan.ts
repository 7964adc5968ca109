import type { Argv } from "yargs";
import { counted } from "../../counted.js";
import type { PlannedRun } from "../../engine/planning/plan-run.js";
import { inputsOf } from "../../run/flags/shared.js";
import { shellWord } from "../../shell-word.js";
import { runCommand } from "../command.js";
import { workersOf } from "../engine/workers.js";
import { dedupFlags, engineFlags, sharedFlags, taskFlags } from "../flags.js";
import { jsonLine, printable } from "../printable.js";
import { bytes } from "../summary.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `plan`. */
export function addPlan(parser: Argv, exitWith: ExitWith): void {
  parser.command("plan <inputs..>", "cut a run into tasks that many processes do", planArguments, (flags) =>
    exitWith(planCommand(flags)),
  );
}

function planArguments(args: Argv) {
  const { "dry-run": _, ...flags } = dedupFlags;
  return args
    .positional("inputs", {
      type: "string",
      array: true,
      demandOption: true,
      describe: 'files, folders, globs, or "-" for standard input',
    })
    .options({
      ...sharedFlags,
      threads: taskFlags.threads,
      ...flags,
      workers: { ...engineFlags.workers, describe: "processes that will work at once (4)" },
    })
    .example("$0 plan data/*.parquet -o /shared/run --workers 64", "plan for 64 workers; then, on each machine:")
    .example("$0 work /shared/run", "a worker: any number, started and ended at any time")
    .epilogue(EXIT_CODES);
}

function planCommand(flags: FlagsOf<typeof planArguments>): Promise<number> {
  return runCommand(flags, async ({ reporter, signal, print }) => {
    const { planRun } = await import("../../engine/planning/plan-run.js");
    const request = { inputs: inputsOf(flags.inputs), flags, workers: workersOf(flags.workers) };
    const planned = await planRun(request, { reporter, signal, stdin: process.stdin });
    reporter.close();
    if (flags.json) await print(jsonLine(recordOf(planned)));
    else if (!flags.quiet) await print(formatPlan(planned));
    return 0;
  });
}

/** What `plan --json` prints. */
function recordOf({ folder, continued, finished }: PlannedRun) {
  const { files, shards, buckets, workers } = folder.plan;
  return {
    command: "bge-dedup plan",
    folder: folder.out,
    plan: folder.hash,
    state: finished ? "finished" : continued ? "continued" : "new",
    workers,
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    tasks: { read: shards.length, exact: buckets },
  };
}

function formatPlan(planned: PlannedRun): string {
  const { state, folder, files, bytes: size, tasks, workers } = recordOf(planned);
  const run = printable(shellWord(folder));
  if (state === "finished") return `the run in ${run} is finished\n`;
  const what = state === "new" ? "planned" : "continued: what is done of it stays done";
  return (
    `${run}: ${what}; ${counted(files, "file")} of ${bytes(size)}, read in ${counted(tasks.read, "task")}, cut for ${counted(workers, "worker")}\n` +
    `Next, on every machine that shares the folder: bge-dedup work ${run}\n` +
    `and bge-dedup status ${run} shows how far it is\n`
  );
}
