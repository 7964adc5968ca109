import type { Argv } from "yargs";
import { cachePlace } from "../../cache/place.js";
import { grouped } from "../../counted.js";
import type { CacheReport, CacheTask } from "../../run/cache.js";
import { parseSize, single } from "../../run/flags/parse.js";
import { runCommand } from "../command.js";
import { cacheFlags, sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { bytes, table } from "../summary.js";
import { type AddCommand, EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

/** Declares `cache` with its own commands. */
export const addCache: AddCommand = (parser, exitWith) => {
  parser.command("cache", "look after the cache of vectors", (args) =>
    addTasks(args, exitWith)
      .demandCommand(1, "expected a command: stats, prune or clear")
      .example("$0 cache stats", "what the user's cache holds")
      .example("$0 cache prune --max 10GB", "remove what was not used for longest, down to this size")
      .example("$0 cache clear --cache redis://cache:6379/0", "remove the vectors of this program from a server")
      .epilogue(EXIT_CODES),
  );
};

function addTasks(parser: Argv, exitWith: ExitWith) {
  return parser
    .command("stats", "count the vectors of each model", cacheArguments, (flags) =>
      exitWith(cacheCommand(flags, { kind: "stats" })),
    )
    .command("prune", "remove the vectors whose last use is longest ago", pruneArguments, (flags) =>
      exitWith(pruneCommand(flags)),
    )
    .command("clear", "remove every vector", cacheArguments, (flags) =>
      exitWith(cacheCommand(flags, { kind: "clear" })),
    );
}

function cacheArguments(args: Argv) {
  const { cache, json, quiet, progress } = sharedFlags;
  return args.options({ cache, json, quiet, progress, "log-format": sharedFlags["log-format"] });
}

function pruneArguments(args: Argv) {
  return cacheArguments(args).options(cacheFlags);
}

async function pruneCommand(flags: FlagsOf<typeof pruneArguments>): Promise<number> {
  return cacheCommand(flags, () => ({ kind: "prune", max: parseSize("max", single("max", flags.max)) }));
}

function cacheCommand(flags: FlagsOf<typeof cacheArguments>, task: CacheTask | (() => CacheTask)): Promise<number> {
  return runCommand({ ...flags, resumes: false }, async ({ print }) => {
    const wanted = typeof task === "function" ? task() : task;
    const place = cachePlace(flags.cache === undefined ? undefined : single("cache", flags.cache));
    const { tendCache } = await import("../../run/cache.js");
    const report = await tendCache(place, wanted);
    if (flags.json) await print(jsonLine(report));
    else if (!flags.quiet) await print(formatCache(report));
    return 0;
  });
}

/** The report for a person. */
function formatCache({ place, entries, bytes: size, models }: CacheReport): string {
  return table([
    ["cache", place],
    ["vectors", `${grouped(entries)}, ${bytes(size)}`],
    ...models.map((model): [string, string] => [
      "model",
      `${model.name} on ${model.device}, ${model.dim} dimensions: ${grouped(model.entries)}, ${bytes(model.bytes)}` +
        (model.newest === null ? "" : `, last used ${model.newest}, the oldest ${model.oldest}`),
    ]),
  ]);
}
