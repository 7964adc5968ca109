import { existsSync } from "node:fs";
import type { Argv } from "yargs";
import { UsageError } from "../errors.js";
import type { MeasuredCommand } from "../metrics/run-metrics.js";
import { dedupOptions } from "../run/flags/dedup.js";
import { inputsOf } from "../run/flags/shared.js";
import { closest } from "../text/closest.js";
import { failUnparsed, runCommand } from "./command.js";
import { type AddCommand, EXIT_CODES, type FlagsOf } from "./commands/add-command.js";
import { addCache } from "./commands/cache.js";
import { addCalibrate } from "./commands/calibrate.js";
import { addDoctor } from "./commands/doctor.js";
import { addExplain } from "./commands/explain.js";
import { addExport } from "./commands/export.js";
import { addGroups } from "./commands/groups.js";
import { addModels } from "./commands/models-command.js";
import { addReport } from "./commands/report.js";
import { addVerify } from "./commands/verify.js";
import { dedupFlags, metricsFlags, sharedFlags } from "./flags.js";
import { parser } from "./parser.js";
import { jsonLine } from "./printable.js";
import { formatDedup, formatEstimate } from "./summary.js";

/** The commands beside the main one. A first input that resembles one of these names was probably a typing error. */
const COMMANDS: Readonly<Record<string, AddCommand>> = {
  calibrate: addCalibrate,
  explain: addExplain,
  groups: addGroups,
  report: addReport,
  export: addExport,
  verify: addVerify,
  doctor: addDoctor,
  models: addModels,
  cache: addCache,
};

/**
 * Runs bge-dedup with the arguments that follow the program's name. Each command loads its code when it is called,
 * because loading the code of all commands takes longer than many runs.
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const exitWith = async (code: Promise<number>) => {
    exitCode = await code;
  };
  try {
    const commands = parser("bge-dedup", argv, Object.keys(COMMANDS), [
      "list",
      "pull",
      "remove",
      "stats",
      "prune",
      "clear",
    ]).command(
      "$0 [inputs..]",
      "remove near-duplicate rows of JSON, CSV, Parquet and Arrow files, with proof",
      dedupArguments,
      (flags) => exitWith(dedupCommand(flags)),
    );
    for (const add of Object.values(COMMANDS)) add(commands, exitWith);
    await commands.parseAsync();
  } catch (error) {
    return failUnparsed(error, argv, measuredCommand(argv));
  }
  return exitCode;
}

/** The command of a line that cannot be parsed, if it tells metrics. */
function measuredCommand([name = ""]: readonly string[]): MeasuredCommand | undefined {
  if (!Object.hasOwn(COMMANDS, name)) return "bge-dedup";
  return name === "verify" || name === "export" ? `bge-dedup ${name}` : undefined;
}

function dedupArguments(args: Argv) {
  return args
    .positional("inputs", {
      type: "string",
      array: true,
      describe: 'files, folders, globs, or "-" for standard input',
    })
    .options({ ...sharedFlags, ...dedupFlags, ...metricsFlags })
    .example("$0 input.jsonl", "write kept.arrow, removed.arrow and embeddings.arrow to bge-out")
    .example("$0 data/*.parquet -t title -t body -o clean", "two text columns of several files")
    .example(
      "zcat faq.jsonl.gz | $0 - --threshold 0.92 --guard numbers",
      "standard input, stricter, numbers must agree",
    )
    .example("$0 input.jsonl --keep max:updated_at --max-removed 20%", "keep the newest; stop if too much would go")
    .example("$0 input.jsonl --model ./bge-large-zh-v1.5", "a real model from a folder")
    .epilogue(EXIT_CODES);
}

function dedupCommand(flags: FlagsOf<typeof dedupArguments>): Promise<number> {
  const measured = flags.dryRun ? undefined : "bge-dedup";
  return runCommand({ ...flags, resumes: !flags.dryRun, measured }, async ({ reporter, signal, record, print }) => {
    const options = dedupOptions(flags, requireInputs(flags.inputs));
    const context = { reporter, signal, stdin: process.stdin };
    if (flags.dryRun) {
      if (flags.metrics !== undefined || flags.push !== undefined) reporter.note("a dry run tells no metrics");
      const { estimate } = await import("../run/dry-run.js");
      const report = await estimate(options, context);
      reporter.close();
      report.warnings.forEach(reporter.warn);
      if (flags.json) await print(jsonLine(report));
      else if (!flags.quiet) await print(formatEstimate(report));
      return 0;
    }
    const { runDedup } = await import("../run/dedup.js");
    const summary = await runDedup(options, context);
    record(summary);
    reporter.close();
    summary.warnings.forEach(reporter.warn);
    if (flags.json) await print(jsonLine(summary));
    else if (!flags.quiet) await print(formatDedup(summary));
    return 0;
  });
}

/**
 * The inputs that are named.
 * @throws UsageError where there are none, or the first is the mistyped name of a command
 */
function requireInputs(given: readonly string[] | undefined): readonly string[] {
  const inputs = inputsOf(given);
  const [first] = inputs;
  const meant = existsSync(first) ? undefined : closest(first, Object.keys(COMMANDS));
  if (meant !== undefined) throw new UsageError(`input ${first} does not exist; did you mean bge-dedup ${meant}?`);
  return inputs;
}
