import type { Argv } from "yargs";
import { checkExport, type ExportTarget, goesOn } from "../../run/flags/export.js";
import { threadsOf } from "../../run/flags/shared.js";
import { runCommand, type Terminal } from "../command.js";
import { milvusText, pineconeText, tableText } from "../export-summary.js";
import { exportFlags, metricsFlags, sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";
import { EXIT_CODES, type ExitWith, type FlagsOf } from "./add-command.js";

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
      ...metricsFlags,
    })
    .example(
      "$0 export bge-out --to rows.parquet --layout embedding-atlas",
      "then: embedding-atlas rows.parquet --text text --x x --y y",
    )
    .example(
      "$0 export bge-out --to milvus://localhost:19530/texts --id-field id",
      "the kept rows, into a collection; MILVUS_TOKEN, or MILVUS_USERNAME and MILVUS_PASSWORD, from the environment",
    )
    .epilogue(EXIT_CODES);
}

type Flags = FlagsOf<typeof exportArguments>;

function exportCommand(flags: Flags): Promise<number> {
  const resumes = [flags.to].flat().some(goesOn);
  return runCommand({ ...flags, resumes, measured: "bge-dedup export" }, async (terminal) => {
    const target = checkExport(flags);
    const { summary, text } = await exportTo(target, flags, terminal);
    terminal.reporter.close();
    if (flags.json) await terminal.print(jsonLine(summary));
    else if (!flags.quiet) await terminal.print(text);
    return 0;
  });
}

/** Runs the export of a kind; the code of each is loaded when it is called. */
async function exportTo(target: ExportTarget, flags: Flags, { reporter, signal }: Terminal) {
  const shared = { folder: flags.dir, to: target.to, reporter, signal };
  if (target.kind === "milvus") {
    const { exportToMilvus } = await import("../../run/export/milvus.js");
    const { address, deleteRemoved, rows } = target;
    const summary = await exportToMilvus({
      ...shared,
      ...rows,
      address,
      deleteRemoved,
      credentials: credentialsOf(process.env),
    });
    return { summary, text: milvusText(summary) };
  }
  if (target.kind === "pinecone") {
    const { exportForPinecone } = await import("../../run/export/pinecone.js");
    const summary = await exportForPinecone({ ...shared, ...target.rows });
    return { summary, text: pineconeText(summary) };
  }
  const threads = threadsOf(flags.threads);
  const { exportFolder } = await import("../../run/export.js");
  const summary = await exportFolder({ ...shared, layout: target.layout, threads });
  return { summary, text: tableText(summary) };
}

/** What proves to a server who the user is, and to the user who the server is. An empty variable counts as unset. */
function credentialsOf(env: NodeJS.ProcessEnv) {
  return {
    token: env.MILVUS_TOKEN || undefined,
    username: env.MILVUS_USERNAME || undefined,
    password: env.MILVUS_PASSWORD || undefined,
    certificates: env.NODE_EXTRA_CA_CERTS || undefined,
  };
}
