import { UsageError } from "../errors.js";
import { clusterOptions } from "../run/flags/cluster.js";
import { formatCluster } from "./cluster-summary.js";
import { failUnparsed, runCommand } from "./command.js";
import { EXIT_CODES } from "./commands/add-command.js";
import { addClusterWork } from "./engine/cluster-work.js";
import { partAtEngine } from "./engine/engine-words.js";
import { clusterFlags, engineFlags, metricsFlags, sharedFlags } from "./flags.js";
import { parser } from "./parser.js";
import { jsonLine } from "./printable.js";
import { widthOf } from "./text-width.js";

const { out: _, ...others } = sharedFlags;

/**
 * Runs bge-cluster with the arguments that follow the program's name.
 * @returns the exit code
 */
export async function main(words: readonly string[]): Promise<number> {
  let exitCode = 0;
  const { own: argv, engine } = partAtEngine(words);
  try {
    const commands = parser("bge-cluster", argv, ["work"]).command(
      "$0 [inputs..]",
      "group rows by k-means: the kept rows of a bge-dedup folder, or raw files",
      (args) =>
        args
          .positional("inputs", {
            type: "string",
            array: true,
            default: ["bge-out"],
            describe: 'a folder that bge-dedup wrote, or files, folders, globs, "-"',
          })
          .options({
            ...clusterFlags,
            ...others,
            ...engineFlags,
            ...metricsFlags,
            out: {
              alias: "o",
              type: "string",
              describe: "output folder (default: the bge-dedup folder, or bge-out)",
            },
          })
          .example("bge-dedup input.jsonl && $0 --k 50", "the daily job: clusters of the kept rows, into bge-out")
          .example("$0 --k auto", "as many clusters as the vectors suggest, with the reason in the summary")
          .example("$0 nights/today --like nights/yesterday", "ids and key terms of yesterday, and what has drifted")
          .example("$0 questions.parquet -t question --k 77 --seed 1", "raw rows, without removing any")
          .epilogue(EXIT_CODES),
      async (flags) => {
        const inputs = flags.inputs ?? ["bge-out"];
        const { isDedupFolder } = await import("../run/work/dedup-folder.js");
        // Only embedding leaves something to continue with, and k-means on several machines.
        const resumes = !isDedupFolder(inputs) || flags.executor !== undefined;
        const measured = "bge-cluster";
        exitCode = await runCommand({ ...flags, resumes, measured }, async ({ reporter, signal, record, print }) => {
          const options = clusterOptions(flags, inputs);
          const context = { reporter, signal, stdin: process.stdin };
          const { executor, workers } = flags;
          if (executor === undefined && workers !== undefined) {
            throw new UsageError("--workers needs --executor, which says where they run");
          }
          const summary =
            executor === undefined
              ? await (await import("../run/cluster.js")).runCluster(options, context)
              : await (await import("./engine/run-cluster.js")).runClusterWithExecutor(options, context, {
                  executor,
                  workers,
                  argv,
                  engine,
                });
          record(summary);
          reporter.close();
          summary.warnings.forEach(reporter.warn);
          if (flags.json) await print(jsonLine(summary));
          else if (!flags.quiet) await print(formatCluster(summary, widthOf(process.stdout)));
          return 0;
        });
      },
    );
    addClusterWork(commands, async (code) => {
      exitCode = await code;
    });
    await commands.parseAsync();
  } catch (error) {
    return failUnparsed(error, argv, "bge-cluster");
  }
  return exitCode;
}
