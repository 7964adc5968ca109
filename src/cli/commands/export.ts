import type { Argv } from "yargs";
import type { Layout } from "../../run/flags/export.js";
import { threadsOf } from "../../run/flags/shared.js";
import { shellWord } from "../../shell-word.js";
import { runCommand } from "../command.js";
import { exportFlags, sharedFlags } from "../flags.js";
import { jsonLine, printable } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

const count = new Intl.NumberFormat("en-US");

/** Declares `export`. */
export function addExport(parser: Argv, exitWith: ExitWith): void {
  parser.command("export <dir>", "write the rows of a run for another program", exportArguments, (flags) =>
    exitWith(exportCommand(flags)),
  );
}

function exportArguments(args: Argv) {
  const { threads, json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .options({
      ...exportFlags,
      threads,
      json,
      quiet,
      progress,
      "log-format": sharedFlags["log-format"],
    })
    .example(
      "$0 export bge-out --to rows.parquet --layout embedding-atlas",
      "then: embedding-atlas rows.parquet --text text --x x --y y",
    )
    .epilogue(EXIT_CODES);
}

function exportCommand(flags: FlagsOf<typeof exportArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ reporter, signal, print }) => {
    const threads = threadsOf(flags.threads);
    const { exportFolder, exportTarget } = await import("../../run/export.js");
    const to = exportTarget(flags.to);
    const layout = flags.layout as Layout;
    const summary = await exportFolder({ folder: flags.dir, to, layout, threads, reporter, signal });
    reporter.close();
    if (flags.json) await print(jsonLine(summary));
    else if (!flags.quiet) {
      const forAtlas = layout === "embedding-atlas";
      const lacking = `, ${count.format(summary.unplaced)} of them without a ${forAtlas ? "place" : "vector"}`;
      const written = `written ${printable(to)}: ${count.format(summary.rows)} rows${summary.unplaced > 0 ? lacking : ""}\n`;
      const next = `Open it: embedding-atlas ${printable(shellWord(to))} --text text --x x --y y\n`;
      await print(forAtlas ? written + next : written);
    }
    return 0;
  });
}
