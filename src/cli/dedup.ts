import { existsSync } from "node:fs";
import type { ArgumentsCamelCase, Argv } from "yargs";
import { InputError, UsageError } from "../errors.js";
import { dedupOptions } from "../run/flags/dedup.js";
import { chosen } from "../run/flags/parse.js";
import { DEVICES, DTYPES, endpointChoice, inputsOf, memoryOf, modelName, threadsOf } from "../run/flags/shared.js";
import { closest } from "../text/closest.js";
import { reportError, runCommand } from "./command.js";
import type { DoctorOptions } from "./doctor.js";
import { dedupFlags, sharedFlags } from "./flags.js";
import { parser, wantedLogFormat } from "./parser.js";
import { jsonLine, printable } from "./printable.js";
import { formatDedup, formatEstimate } from "./summary.js";

/** Exit code of `verify` for a folder whose files contradict each other: the folder is its input. */
const VIOLATION = new InputError("").exitCode;

/** The commands beside the main one. A first input that resembles one of these names was probably a typing error. */
const COMMANDS = ["verify", "doctor", "models"];

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
    await parser("bge-dedup", argv, [...COMMANDS, "list", "pull", "remove"])
      .command(
        "$0 [inputs..]",
        "remove near-duplicate rows of JSON, CSV, Parquet and Arrow files, with proof",
        dedupArguments,
        (flags) => exitWith(dedupCommand(flags)),
      )
      .command("verify <dir>", "prove the result of a run again from its files alone", verifyArguments, (flags) =>
        exitWith(verifyCommand(flags)),
      )
      .command("doctor", "print versions and devices, and try a model or a server", doctorArguments, (flags) =>
        exitWith(doctorCommand(flags)),
      )
      .command("models", "list, download and remove models", async (args) => {
        const { modelsCommand } = await import("./models.js");
        return modelsCommand(args, (code) => {
          exitCode = code;
        });
      })
      .parseAsync();
  } catch (error) {
    return reportError(error, wantedLogFormat(argv));
  }
  return exitCode;
}

/** The flags that a command declares, as yargs gives them. */
type FlagsOf<Arguments extends (args: Argv) => Argv<unknown>> =
  ReturnType<Arguments> extends Argv<infer Flags> ? ArgumentsCamelCase<Flags> : never;

function dedupArguments(args: Argv) {
  return args
    .positional("inputs", {
      type: "string",
      array: true,
      describe: 'files, folders, globs, or "-" for standard input',
    })
    .options({ ...sharedFlags, ...dedupFlags })
    .example("$0 input.jsonl", "write kept.arrow, removed.arrow and embeddings.arrow to bge-out")
    .example("$0 data/*.parquet -t title -t body -o clean", "two text columns of several files")
    .example(
      "zcat faq.jsonl.gz | $0 - --threshold 0.92 --guard numbers",
      "standard input, stricter, numbers must agree",
    )
    .example("$0 input.jsonl --keep max:updated_at --max-removed 20%", "keep the newest; stop if too much would go")
    .example("$0 input.jsonl --model ./bge-large-zh-v1.5", "a real model from a folder")
    .epilogue(
      "Exit codes: 0 done, 1 failed (run again to resume), 2 usage, 3 input, 4 a brake was hit, 5 model or device unavailable, 130/143 interrupted",
    );
}

function dedupCommand(flags: FlagsOf<typeof dedupArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: !flags.dryRun }, async ({ reporter, signal, print }) => {
    const options = dedupOptions(flags, requireInputs(flags.inputs));
    const context = { reporter, signal, stdin: process.stdin };
    if (flags.dryRun) {
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
    reporter.close();
    summary.warnings.forEach(reporter.warn);
    if (flags.json) await print(jsonLine(summary));
    else if (!flags.quiet) await print(formatDedup(summary));
    return 0;
  });
}

function verifyArguments(args: Argv) {
  const { memory, threads, json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .options({ memory, threads, json, quiet, progress, "log-format": sharedFlags["log-format"] });
}

function verifyCommand(flags: FlagsOf<typeof verifyArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ reporter, signal, print }) => {
    const memory = memoryOf(flags.memory);
    const threads = threadsOf(flags.threads);
    const { verifyFolder } = await import("../run/verify.js");
    const report = await verifyFolder({ folder: flags.dir, threads, memory, reporter, signal });
    reporter.close();
    const { kept, removed, rejected, pairs } = report.checked;
    if (flags.json) await print(jsonLine(report));
    else if (!report.ok) process.stderr.write(`violation: ${printable(report.violation ?? "")}\n`);
    else if (!flags.quiet) {
      await print(
        `proved: ${removed} removed rows each name a kept row that they equal or resemble, ` +
          `none of ${pairs} pairs among ${kept} kept rows is a near-duplicate, no row is lost (${rejected} rejected)\n`,
      );
    }
    return report.ok ? 0 : VIOLATION;
  });
}

function doctorArguments(args: Argv) {
  const { model, device, dtype, endpoint, concurrency, memory, json } = sharedFlags;
  const endpointModel = sharedFlags["endpoint-model"];
  return args.options({ model, device, dtype, endpoint, "endpoint-model": endpointModel, concurrency, memory, json });
}

async function doctorCommand(flags: FlagsOf<typeof doctorArguments>): Promise<number> {
  const options: DoctorOptions = {
    model: modelName(flags.model),
    endpoint: endpointChoice(flags),
    device: chosen("device", flags.device, DEVICES),
    dtype: chosen("dtype", flags.dtype, DTYPES),
    memory: memoryOf(flags.memory),
  };
  return runCommand({ progress: "none", resumes: false }, async ({ print, signal }) => {
    const { runDoctor } = await import("./doctor.js");
    return runDoctor(options, { print, json: flags.json, signal });
  });
}

/**
 * The inputs that are named.
 * @throws UsageError where there are none, or the first is the mistyped name of a command
 */
function requireInputs(given: readonly string[] | undefined): readonly string[] {
  const inputs = inputsOf(given);
  const [first] = inputs;
  const meant = existsSync(first) ? undefined : closest(first, COMMANDS);
  if (meant !== undefined) throw new UsageError(`input ${first} does not exist; did you mean bge-dedup ${meant}?`);
  return inputs;
}
