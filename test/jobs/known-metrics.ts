import { existsSync } from "node:fs";
import { join } from "node:path";
import { clusterMetrics, dedupMetrics } from "../../src/metrics/result-metrics.js";
import { type MeasuredCommand, PREFIXES, runMetrics } from "../../src/metrics/run-metrics.js";
import { clusterFigures, dedupFigures } from "../metrics/figures.js";
import { jobFile, jobs } from "./job-files.js";

const facts = { started: 0, ended: 1, exitCode: 0, peakMemory: 1, stages: {}, version: "", node: "" };

const nightly = existsSync(join(jobs, "nightly.sh")) ? jobFile("nightly.sh") : undefined;

/** Names of all metrics: of the commands, and of nightly.sh. */
const known: ReadonlySet<string> = new Set([
  ...(Object.keys(PREFIXES) as MeasuredCommand[])
    .flatMap((command) => runMetrics(command, facts))
    .map(({ name }) => name),
  ...[...dedupMetrics(dedupFigures), ...clusterMetrics(clusterFigures)].map(({ name }) => name),
  ...[...(nightly ?? "").matchAll(/\bgauge (\w+) /g)].map(([, name]) => `bge_nightly_${name}`),
]);

/** Names of metrics in a text that no command has; recorded rules, which have a colon, are not metrics of commands. */
export function unknownMetrics(text: string): string[] {
  const names = new Set(text.match(/(?<![\w:])bge_(?:dedup|cluster|nightly)_\w+(?!:)/g) ?? []);
  return [...names].filter((name) => !known.has(name) && !(nightly === undefined && name.startsWith("bge_nightly")));
}
