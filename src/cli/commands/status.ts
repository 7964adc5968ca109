import type { Argv } from "yargs";
import { runCommand } from "../command.js";
import { sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { widthOf } from "../text-width.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `status`. */
export function addStatus(parser: Argv, exitWith: ExitWith): void {
  parser.command("status <run>", "show how far a planned run is", statusArguments, (flags) =>
    exitWith(statusCommand(flags)),
  );
}

function statusArguments(args: Argv) {
  const { json } = sharedFlags;
  return args
    .positional("run", { type: "string", demandOption: true, describe: "folder of the run" })
    .options({ json: { ...json, describe: "print the state as one JSON object" } })
    .example("watch -n 5 $0 status /shared/run", "look again every five seconds")
    .epilogue(EXIT_CODES);
}

function statusCommand(flags: FlagsOf<typeof statusArguments>): Promise<number> {
  return runCommand({ resumes: false }, async ({ print }) => {
    const { runStatus } = await import("../../engine/status.js");
    const { STAGES } = await import("../../engine/stages.js");
    const status = await runStatus(flags.run, { stages: STAGES });
    if (flags.json) await print(jsonLine(status));
    else {
      const { formatStatus } = await import("../engine/status-table.js");
      await print(formatStatus(status, widthOf(process.stdout)));
    }
    return 0;
  });
}
