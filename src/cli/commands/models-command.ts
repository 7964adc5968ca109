import type { Argv } from "yargs";
import type { ExitWith } from "./add-command.js";

/** Declares `models` with its own commands. */
export function addModels(parser: Argv, exitWith: ExitWith): void {
  parser.command("models", "list, download and remove models", async (args) => {
    const { modelsCommand } = await import("./models.js");
    return modelsCommand(args, (code) => void exitWith(Promise.resolve(code)));
  });
}
