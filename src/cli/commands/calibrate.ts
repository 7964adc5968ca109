import type { Argv } from "yargs";
import { calibrateOptions } from "../../run/flags/calibrate.js";
import { inputsOf } from "../../run/flags/shared.js";
import { formatCalibration } from "../calibration.js";
import { runCommand, type Terminal } from "../command.js";
import { calibrateFlags, sharedFlags } from "../flags.js";
import { marksFor } from "../marked.js";
import { jsonLine } from "../printable.js";
import type { ExitWith, FlagsOf } from "./add-command.js";

/** Columns of a terminal that does not tell. */
const COLUMNS = 80;

/** Declares `calibrate`. */
export function addCalibrate(parser: Argv, exitWith: ExitWith): void {
  parser.command("calibrate [inputs..]", "choose a threshold on your own data", calibrateArguments, (flags) =>
    exitWith(runCommand({ ...flags, resumes: false }, (terminal) => calibrateCommand(flags, terminal))),
  );
}

function calibrateArguments(args: Argv) {
  const { out: _, fresh: __, "source-field": ___, "id-field": ____, ...shared } = sharedFlags;
  return args
    .positional("inputs", {
      type: "string",
      array: true,
      describe: "inputs of bge-dedup, or a folder that it wrote, whose vectors and model are used",
    })
    .options({ ...shared, ...calibrateFlags })
    .example("$0 calibrate input.jsonl -m bge-small-zh-v1.5", "a table of thresholds and a suggestion")
    .example("$0 calibrate bge-out", "the same from the vectors of a finished run");
}

async function calibrateCommand(
  flags: FlagsOf<typeof calibrateArguments>,
  { reporter, signal, print }: Terminal,
): Promise<number> {
  const options = calibrateOptions(flags, inputsOf(flags.inputs));
  const { runCalibrate } = await import("../../run/calibrate.js");
  const report = await runCalibrate(options, { reporter, signal, stdin: process.stdin });
  reporter.close();
  report.warnings.forEach(reporter.warn);
  if (flags.json) await print(jsonLine(report));
  else if (!flags.quiet) {
    const { stdout } = process;
    await print(
      formatCalibration(report, {
        inputs: options.inputs,
        marks: marksFor(stdout),
        columns: stdout.columns ?? COLUMNS,
      }),
    );
  }
  return 0;
}
