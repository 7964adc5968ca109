import type { Argv } from "yargs";
import { UsageError } from "../../errors.js";
import { builtin } from "../../models/builtin.js";
import { type CachedRepository, cachedRepositories, describeCached, repositoryFolder } from "../../models/hub/cache.js";
import { fetchModel, formatSize, removeModel } from "../../models/hub/hub.js";
import { type HubSettings, hubSettings } from "../../models/hub/settings.js";
import { KNOWN_MODELS } from "../../models/registry.js";
import { repositoryOf } from "../../models/resolve.js";
import type { Dtype } from "../../models/spec.js";
import { single } from "../../run/flags/parse.js";
import { runCommand, type Terminal } from "../command.js";
import { sharedFlags } from "../flags.js";
import { jsonLine } from "../printable.js";

/** A model of the list. */
interface ListedModel {
  /** The name for --model. */
  readonly name: string;
  readonly repository: string;
  readonly dim?: number;
  readonly maxTokens?: number;
  readonly threshold?: number;
  readonly thresholdSource?: string;
  /** Approximate download by dtype in MB. */
  readonly megabytes?: Readonly<Record<Dtype, number>>;
  /** Dtypes that need no network. */
  readonly cached: readonly Dtype[];
  /** Bytes that its repository takes in the cache. */
  readonly cachedBytes: number;
}

/** The known models, then the other usable models of the cache. */
async function listModels(cache: string): Promise<ListedModel[]> {
  const known = KNOWN_MODELS.map(async ({ name, repository, dim, maxTokens, threshold, megabytes }) => {
    const { dtypes, size } = await describeCached(cache, repository);
    return {
      name,
      repository,
      dim,
      maxTokens,
      threshold: threshold.value,
      thresholdSource: threshold.source,
      megabytes,
      cached: dtypes,
      cachedBytes: size,
    };
  });
  const names = new Set(KNOWN_MODELS.map(({ repository }) => repository));
  const others = (await cachedRepositories(cache)).filter((repository) => !names.has(repository));
  const usable = (found: CachedRepository) => found.dtypes.length > 0;
  const rest = (await Promise.all(others.map((repository) => describeCached(cache, repository)))).filter(usable);
  return [
    ...(await Promise.all(known)),
    ...rest.map(({ repository, dtypes, size }) => ({
      name: repository,
      repository,
      cached: dtypes,
      cachedBytes: size,
    })),
  ];
}

/** The list as a table for a person. */
function formatModels(models: readonly ListedModel[], { cache }: HubSettings): string {
  const rows = [
    ["NAME", "DIM", "TOKENS", "fp32/fp16/int8 MB", "CACHED"],
    [builtin.name, String(builtin.dim), String(builtin.maxTokens), "nothing to download", "part of the program"],
    ...models.map(({ name, dim, maxTokens, megabytes, cached, cachedBytes }) => [
      name,
      String(dim ?? ""),
      String(maxTokens ?? ""),
      megabytes === undefined ? "" : `${megabytes.fp32}/${megabytes.fp16}/${megabytes.int8}`,
      cached.length === 0 ? "no" : `${cached.join(", ")} (${formatSize(cachedBytes)})`,
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n\ncache: ${cache}\nnext: bge-dedup models pull NAME, or any owner/name of a hub\n`;
}

/** The terminal of a command that may be told to be quiet. */
function hushed(terminal: Terminal, quiet: boolean): Terminal {
  return quiet ? { ...terminal, print: async () => {} } : terminal;
}

/** The repository of a name that can be pulled or removed. */
function downloadable(name: string): string {
  if (name === builtin.name) {
    throw new UsageError("builtin is part of the program; there is nothing to pull or remove");
  }
  return repositoryOf(name);
}

async function pull(
  name: string,
  dtype: Dtype | "auto",
  settings: HubSettings,
  { reporter, signal, print }: Terminal,
): Promise<number> {
  const repository = downloadable(name);
  const folder = await fetchModel({ repository, dtype, settings, refresh: true, reporter, signal });
  reporter.close();
  const { dtypes, size } = await describeCached(settings.cache, repository);
  await print(`${name}: ${dtypes.join(", ")}, ${formatSize(size)} in ${folder}\n`);
  return 0;
}

async function remove(
  name: string,
  settings: HubSettings,
  { reporter, signal, print }: Pick<Terminal, "reporter" | "signal" | "print">,
): Promise<number> {
  const repository = downloadable(name);
  const folder = repositoryFolder(settings.cache, repository);
  const freed = await removeModel({ repository, settings, reporter, signal });
  reporter.close();
  await print(
    freed === undefined ? `${name} is not in ${settings.cache}\n` : `removed ${folder}, ${formatSize(freed)}\n`,
  );
  return 0;
}

/**
 * The `models` command with its `list`, `pull` and `remove`.
 * @param done receives the exit code
 */
export function modelsCommand<T>(args: Argv<T>, done: (exitCode: number) => void): Argv<T> {
  const { dtype, json, quiet, progress } = sharedFlags;
  const name = { type: "string", demandOption: true, describe: "a known name, or owner/name of a hub" } as const;
  return args
    .command(
      ["$0", "list"],
      "list the known models and those in the cache",
      (list) => list.options({ json }),
      async (flags) =>
        done(
          await runCommand({ progress: "none", resumes: false }, async ({ print }) => {
            const settings = hubSettings(process.env);
            const models = await listModels(settings.cache);
            if (flags.json) await print(jsonLine({ cache: settings.cache, models }));
            else await print(formatModels(models, settings));
            return 0;
          }),
        ),
    )
    .command(
      "pull <name>",
      "download a model, or bring it to the hub's newest state",
      (pulled) =>
        pulled
          .positional("name", name)
          .options({ dtype, quiet, progress })
          .example("$0 models pull bge-large-zh-v1.5 --dtype fp16", "before a job on a machine without a network")
          .epilogue(
            "Environment: HF_ENDPOINT (a mirror), HF_TOKEN or HUGGING_FACE_HUB_TOKEN (else the token of hf auth login), HF_HOME or HF_HUB_CACHE (where the cache is), HF_HUB_OFFLINE, " +
              "HTTPS_PROXY, HTTP_PROXY, NO_PROXY",
          ),
      async (flags) =>
        done(
          await runCommand(flags, (terminal) =>
            pull(
              flags.name,
              single("dtype", flags.dtype) as Dtype | "auto",
              hubSettings(process.env),
              hushed(terminal, flags.quiet),
            ),
          ),
        ),
    )
    .command(
      ["remove <name>", "rm <name>"],
      "remove a model from the cache, files of other tools in its repository included",
      (removed) => removed.positional("name", name).options({ quiet }),
      async (flags) =>
        done(
          await runCommand({ ...flags, resumes: false }, (terminal) =>
            remove(flags.name, hubSettings(process.env), hushed(terminal, flags.quiet)),
          ),
        ),
    );
}
