import type { ClusterOptions } from "../run/options.js";
import { isDedupFolder } from "../run/work/dedup-folder.js";
import { reportError, runCommand, single } from "./command.js";
import { clusterFlags, sharedFlags } from "./flags.js";
import { sharedOptions } from "./options.js";
import { parseNumber } from "./parse.js";
import { parser, wantedLogFormat } from "./parser.js";
import { jsonLine } from "./printable.js";
import { formatCluster } from "./summary.js";

const { out: _, ...others } = sharedFlags;

/**
 * Runs bge-cluster with the arguments that follow the program's name.
 * @returns the exit code
 */
export async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  try {
    await parser("bge-cluster", argv)
      .command(
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
              out: {
                alias: "o",
                type: "string",
                describe: "output folder (default: the bge-dedup folder, or bge-out)",
              },
            })
            .example("bge-dedup input.jsonl && $0 --k 50", "the daily job: clusters of the kept rows, into bge-out")
            .example("$0 questions.parquet -t question --k 77 --seed 1", "raw rows, without removing any")
            .epilogue(
              "Exit codes: 0 done, 1 failed (run again to resume), 2 usage, 3 input, 4 a brake was hit, 5 model or device unavailable, 130/143 interrupted",
            ),
        async (flags) => {
          exitCode = await runCommand(flags, async ({ reporter, signal, print }) => {
            const { runCluster } = await import("../run/cluster.js");
            const summary = await runCluster(clusterOptions(flags), { reporter, signal, stdin: process.stdin });
            reporter.close();
            if (flags.json) await print(jsonLine(summary));
            else if (!flags.quiet) await print(formatCluster(summary));
            return 0;
          });
        },
      )
      .parseAsync();
  } catch (error) {
    return reportError(error, wantedLogFormat(argv));
  }
  return exitCode;
}

/** The flags, checked. Clusters go beside the rows they are made of unless the user says otherwise. */
function clusterOptions(
  flags: Parameters<typeof sharedOptions>[0] & {
    inputs?: string[];
    k: string;
    iterations: string;
    tolerance: string;
    starts: string;
    spherical: boolean;
    labels: string;
  },
): ClusterOptions {
  const inputs = flags.inputs ?? ["bge-out"];
  const count = (flag: string, value: string, min: number, max: number) =>
    parseNumber(flag, single(flag, value), { min, max, integer: true });
  return {
    ...sharedOptions(flags, inputs, flags.out ?? (isDedupFolder(inputs) ? inputs[0] : "bge-out")),
    k: count("k", flags.k, 1, 2 ** 31 - 1),
    iterations: count("iterations", flags.iterations, 1, 1_000_000),
    tolerance: parseNumber("tolerance", single("tolerance", flags.tolerance), { min: 0, max: 1 }),
    starts: count("starts", flags.starts, 1, 10_000),
    spherical: flags.spherical,
    labels: count("labels", flags.labels, 0, 100),
  };
}
