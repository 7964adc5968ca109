import type { Argv } from "yargs";
import { grouped } from "../../counted.js";
import { threadsOf } from "../../run/flags/shared.js";
import { runCommand } from "../command.js";
import { sharedFlags } from "../flags.js";
import { jsonLine, printable } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `report`. */
export function addReport(parser: Argv, exitWith: ExitWith): void {
  parser.command("report <dir>", "write a page that shows what a run removed and why", reportArguments, (flags) =>
    exitWith(reportCommand(flags)),
  );
}

function reportArguments(args: Argv) {
  const { threads, json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .options({
      out: { alias: "o", type: "string", describe: "file of the page (report.html in the folder)" },
      threads,
      json,
      quiet,
      progress,
      "log-format": sharedFlags["log-format"],
    })
    .example("$0 report bge-out", "bge-out/report.html: one file, which a browser opens without a network")
    .example("$0 report bge-out -o ~/2026-07-01.html", "the page under another name")
    .epilogue(EXIT_CODES);
}

function reportCommand(flags: FlagsOf<typeof reportArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ reporter, signal, print }) => {
    const threads = threadsOf(flags.threads);
    const { writeReport } = await import("../../run/report.js");
    const summary = await writeReport({ folder: flags.dir, out: flags.out, threads, reporter, signal });
    reporter.close();
    const { file, bytes, groups, points, clusters } = summary;
    if (flags.json) await print(jsonLine(summary));
    else if (!flags.quiet) {
      const parts = [
        `${grouped(groups.shown)} of ${grouped(groups.total)} groups`,
        `a map of ${grouped(points)} texts`,
        ...(clusters > 0 ? [`${grouped(clusters)} clusters`] : []),
      ];
      await print(`written ${printable(file)}: ${(bytes / 1e6).toFixed(1)} MB, ${parts.join(", ")}\n`);
    }
    return 0;
  });
}
