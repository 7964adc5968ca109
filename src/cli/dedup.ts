import { existsSync } from "node:fs";
import type { Argv } from "yargs";
import type { ExecutorName } from "../engine/executor.js";
import { UsageError } from "../errors.js";
import type { MeasuredCommand } from "../metrics/run-metrics.js";
import { dedupOptions } from "../run/flags/dedup.js";
import { inputsOf } from "../run/flags/shared.js";
import type { DedupSummary } from "../run/summary.js";
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
import { addPlan } from "./commands/plan.js";
import { addReport } from "./commands/report.js";
import { addStatus } from "./commands/status.js";
import { addTask } from "./commands/task.js";
import { addVerify } from "./commands/verify.js";
import { addWork } from "./commands/work.js";
import { isGiven, partAtEngine } from "./engine/engine-words.js";
import { workersOf } from "./engine/workers.js";
import { dedupFlags, engineFlags, metricsFlags, sharedFlags } from "./flags.js";
import { parser } from "./parser.js";
import { jsonLine } from "./printable.js";
import type { ProgressReporter } from "./progress-reporter.js";
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
  plan: addPlan,
  work: addWork,
  status: addStatus,
  task: addTask,
};

/**
 * Runs bge-dedup with the arguments that follow the program's name. Each command loads its code when it is called,
 * because loading the code of all commands takes longer than many runs.
 * @returns the exit code
 */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  const { own: argv, engine } = partAtEngine(words);
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
      (flags) => exitWith(dedupCommand(flags, { argv, engine })),
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
    .options({ ...sharedFlags, ...dedupFlags, ...engineFlags, ...metricsFlags })
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

/**
 * @param words.argv the words of the command line that are its own
 * @param words.engine those of the engine, from behind `--`
 */
function dedupCommand(
  flags: FlagsOf<typeof dedupArguments>,
  words: { readonly argv: readonly string[]; readonly engine: readonly string[] },
): Promise<number> {
  const measured = flags.dryRun ? undefined : "bge-dedup";
  return runCommand({ ...flags, resumes: !flags.dryRun, measured }, async ({ reporter, signal, record, print }) => {
    const options = dedupOptions(flags, requireInputs(flags.inputs));
    if (flags.executor === undefined && flags.workers !== undefined) {
      throw new UsageError("--workers needs --executor, which says where they work; --threads is for one process");
    }
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
    const summary =
      flags.executor === undefined
        ? await (await import("../run/dedup.js")).runDedup(options, context)
        : await runByWorkers(flags, options.inputs, words, context);
    record(summary);
    reporter.close();
    summary.warnings.forEach(reporter.warn);
    if (flags.json) await print(jsonLine(summary));
    else if (!flags.quiet) await print(formatDedup(summary));
    return 0;
  });
}

/** The run of `--executor`. */
async function runByWorkers(
  flags: FlagsOf<typeof dedupArguments>,
  inputs: readonly string[],
  { argv, engine }: { readonly argv: readonly string[]; readonly engine: readonly string[] },
  context: { readonly reporter: ProgressReporter; readonly signal: AbortSignal; readonly stdin: NodeJS.ReadableStream },
): Promise<DedupSummary> {
  const { runWithExecutor } = await import("./engine/run-executor.js");
  // The default of --threads is meant for one process, and so is that of --memory.
  const threads = isGiven(argv, "threads") ? flags.threads : undefined;
  const memory = isGiven(argv, "memory") ? flags.memory : undefined;
  return runWithExecutor(
    {
      executor: flags.executor as ExecutorName,
      engineArguments: engine,
      inputs,
      flags: { ...flags, threads },
      workers: workersOf(flags.workers),
      threads,
      memory,
    },
    context,
  );
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
