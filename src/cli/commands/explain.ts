import type { Argv } from "yargs";
import { UsageError } from "../../errors.js";
import { parseNumber, single } from "../../run/flags/parse.js";
import { runCommand } from "../command.js";
import { explainFlags, sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `explain`. */
export function addExplain(parser: Argv, exitWith: ExitWith): void {
  parser.command(
    "explain <dir> <rows..>",
    "say why a row was kept or removed, or why two rows were merged or not",
    explainArguments,
    (flags) => exitWith(explainCommand(flags)),
  );
}

function explainArguments(args: Argv) {
  const { json, quiet, progress } = sharedFlags;
  return args
    .positional("dir", { type: "string", demandOption: true, describe: "folder that bge-dedup wrote" })
    .positional("rows", {
      type: "string",
      array: true,
      demandOption: true,
      describe: "one or two rows: their numbers from 0 (_row), or ids",
    })
    .options({
      "id-field": {
        type: "string",
        describe: "name the rows by this field (by number; else the --id-field of the run)",
      },
      nearest: explainFlags.nearest,
      json: { ...json, describe: "print the answer as one JSON object on standard output" },
      quiet,
      progress,
      "log-format": sharedFlags["log-format"],
    })
    .example("$0 explain bge-out 42", "why row 42 was removed, and its group")
    .example("$0 explain bge-out 42 57", "why these two were merged, or not")
    .example("$0 explain bge-out A-17 --id-field id", "the row whose id is A-17")
    .epilogue(EXIT_CODES);
}

function explainCommand(flags: FlagsOf<typeof explainArguments>): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ reporter, signal, print }) => {
    const { dir, json, quiet } = flags;
    const names = flags.rows.map(String);
    if (names.length > 2) throw new UsageError(`${names.length} rows are named; expected one or two`);
    const idField = flags.idField === undefined ? undefined : single("id-field", flags.idField);
    const limit = parseNumber("nearest", single("nearest", flags.nearest), { min: 0, max: 1000, integer: true });
    const { openExplainer } = await import("../../run/explain.js");
    const explainer = await openExplainer({ folder: dir, idField, reporter, signal });
    try {
      const explanation = await explainer.explain(names);
      const [first] = explanation.rows;
      const [text, { pageFor }] = await Promise.all([
        import("../explain/explain-text.js"),
        import("../explain/layout.js"),
      ]);
      const page = pageFor(process.stdout);
      // The first part is there at once, while the search for neighbours may take seconds.
      if (!json && !quiet) await print(text.formatExplanation(explanation, page));
      const searches = limit > 0 && explanation.pair === undefined && first.fate === "kept" && !(quiet && !json);
      const began = performance.now();
      const nearest = searches ? await explainer.nearest(first.row, limit) : undefined;
      reporter.close();
      if (json) await print(jsonLine({ ...explanation, nearest }));
      else if (nearest !== undefined) {
        await print(text.formatNearest(nearest, explanation, page, (performance.now() - began) / 1000));
      }
    } finally {
      await explainer.close();
    }
    return 0;
  });
}
