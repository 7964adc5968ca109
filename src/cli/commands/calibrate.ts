import type { Argv } from "yargs";
import { UsageError } from "../../errors.js";
import { calibrateOptions } from "../../run/flags/calibrate.js";
import { inputsOf } from "../../run/flags/shared.js";
import { runCommand, type Terminal } from "../command.js";
import { calibrateFlags, dedupFlags, labelFlags, sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { widthOf } from "../text-width.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `calibrate`. */
export function addCalibrate(parser: Argv, exitWith: ExitWith): void {
  parser.command("calibrate [inputs..]", "choose a threshold on your own data", calibrateArguments, (flags) =>
    exitWith(
      runCommand({ ...flags, resumes: flags.ask !== undefined }, (terminal) => calibrateCommand(flags, terminal)),
    ),
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
    .options({ ...shared, ...calibrateFlags, guard: dedupFlags.guard, ...labelFlags })
    .example("$0 calibrate input.jsonl -m bge-small-zh-v1.5", "a table of thresholds and a suggestion")
    .example("$0 calibrate bge-out", "the same from the vectors of a finished run")
    .example("$0 calibrate --pairs judged.csv --precision 0.99", "precision and recall of your own labelled pairs")
    .example("$0 calibrate input.jsonl --ask 40", "judge near pairs by single keys; kept in labels.jsonl")
    .epilogue(EXIT_CODES);
}

async function calibrateCommand(flags: FlagsOf<typeof calibrateArguments>, terminal: Terminal): Promise<number> {
  const { reporter, signal, print } = terminal;
  if (usesLabels(flags)) {
    const { askCommand, pairsCommand } = await import("./calibrate-labels.js");
    return flags.pairs === undefined ? askCommand(flags, terminal) : pairsCommand(flags, terminal);
  }
  const options = calibrateOptions(flags, inputsOf(flags.inputs));
  const { runCalibrate } = await import("../../run/calibrate.js");
  const report = await runCalibrate(options, { reporter, signal, stdin: process.stdin });
  reporter.close();
  report.warnings.forEach(reporter.warn);
  if (flags.json) await print(jsonLine(report));
  else if (!flags.quiet) {
    const { stdout } = process;
    const { formatCalibration } = await import("../calibration.js");
    const { marksFor } = await import("../marked.js");
    await print(
      formatCalibration(report, {
        marks: marksFor(stdout),
        columns: widthOf(stdout),
      }),
    );
  }
  return 0;
}

/**
 * Whether a person's labels decide, given by --pairs or asked for by --ask.
 * @throws UsageError for both, and for a flag that has an effect with one of them only
 */
function usesLabels({ pairs, ask, precision, answers, guard }: FlagsOf<typeof calibrateArguments>): boolean {
  if (pairs !== undefined && ask !== undefined) {
    throw new UsageError("--pairs and --ask exclude each other; give answers by --pairs labels.jsonl, or ask for more");
  }
  if (precision !== undefined && pairs === undefined)
    throw new UsageError("--precision needs --pairs, the judged pairs");
  if (answers !== undefined && ask === undefined) throw new UsageError("--answers needs --ask, the number of pairs");
  if (pairs !== undefined || ask !== undefined) return true;
  if (guard.some((name) => name !== "none")) {
    throw new UsageError(
      "--guard has an effect with --pairs and --ask only; without them calibrate tells which to add",
    );
  }
  return false;
}
