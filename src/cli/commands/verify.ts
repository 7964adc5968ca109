import type { Argv } from "yargs";
import { InputError } from "../../errors.js";
import { memoryOf, threadsOf } from "../../run/flags/shared.js";
import type { VerifyReport } from "../../run/verify.js";
import { runCommand } from "../command.js";
import { metricsFlags, sharedFlags } from "../flags.js";
import { jsonLine, printable } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Exit code of `verify` for a folder whose files contradict each other: the folder is its input. */
const VIOLATION = new InputError("").exitCode;

/** Declares `verify`. */
export function addVerify(parser: Argv, exitWith: ExitWith): void {
  parser.command("verify <dir>", "prove the result of a run again from its files alone", verifyArguments, (flags) =>
    exitWith(verifyCommand(flags)),
  );
}

function verifyArguments(args: Argv) {
  const { memory, threads, json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .options({ memory, threads, json, quiet, progress, "log-format": sharedFlags["log-format"], ...metricsFlags })
    .example("$0 verify bge-out", "exit 0: proved; exit 3 and the first violation: not")
    .epilogue(EXIT_CODES);
}

function verifyCommand(flags: FlagsOf<typeof verifyArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false, measured: "bge-dedup verify" }, async ({ reporter, signal, print }) => {
    const memory = memoryOf(flags.memory);
    const threads = threadsOf(flags.threads);
    const { verifyFolder } = await import("../../run/verify.js");
    const report = await verifyFolder({ folder: flags.dir, threads, memory, reporter, signal });
    reporter.close();
    const { kept, removed, rejected, pairs, references } = report.checked;
    if (flags.json) await print(jsonLine(report));
    else if (!report.ok) process.stderr.write(`violation: ${printable(report.violation ?? "")}\n`);
    else if (!flags.quiet) {
      await print(
        `proved: ${removed} removed rows each name a kept row that they equal or resemble, ` +
          `none of ${pairs} pairs among ${kept} kept rows is a near-duplicate, no row is lost (${rejected} rejected)` +
          (references === undefined ? "" : referencesProved(references)) +
          "\n",
      );
    }
    return report.ok ? 0 : VIOLATION;
  });
}

function referencesProved({ folders, kept, pairs }: NonNullable<VerifyReport["checked"]["references"]>): string {
  return `; none of ${pairs} pairs with ${kept} kept rows of ${folders} ${folders === 1 ? "reference" : "references"} is one, and no kept row has a text of theirs`;
}
