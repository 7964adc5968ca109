import type { Argv } from "yargs";
import type { GroupOrder } from "../../run/flags/groups.js";
import { parseNumber, single } from "../../run/flags/parse.js";
import { runCommand } from "../command.js";
import { explainFlags, sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `groups`. */
export function addGroups(parser: Argv, exitWith: ExitWith): void {
  parser.command(
    "groups <dir>",
    "show the largest groups of duplicates, or the most doubtful",
    groupsArguments,
    (flags) => exitWith(groupsCommand(flags)),
  );
}

function groupsArguments(args: Argv) {
  const { json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .options({
      top: explainFlags.top,
      sort: explainFlags.sort,
      "id-field": { type: "string", describe: "show this field beside each row (the --id-field of the run)" },
      json: { ...json, describe: "print the groups as one JSON object on standard output" },
      quiet,
      progress,
      "log-format": sharedFlags["log-format"],
    })
    .example("$0 groups bge-out --top 20", "the 20 largest groups")
    .example("$0 groups bge-out --sort similarity", "the groups that a higher threshold would break up first")
    .epilogue(EXIT_CODES);
}

function groupsCommand(flags: FlagsOf<typeof groupsArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ print }) => {
    const top = parseNumber("top", single("top", flags.top), { min: 1, max: 100_000, integer: true });
    const sort = single<string>("sort", flags.sort) as GroupOrder;
    const idField = flags.idField === undefined ? undefined : single("id-field", flags.idField);
    const { listGroups } = await import("../../run/groups.js");
    const report = await listGroups({ folder: flags.dir, top, sort, idField });
    if (flags.json) await print(jsonLine(report));
    else if (!flags.quiet) {
      const { formatGroups } = await import("../explain/groups-text.js");
      const { pageFor } = await import("../explain/layout.js");
      await print(formatGroups(report, pageFor(process.stdout)));
    }
    return 0;
  });
}
