import { clusterMetrics, dedupMetrics } from "../../src/metrics/result-metrics.js";
import { type MeasuredCommand, PREFIXES, runMetrics } from "../../src/metrics/run-metrics.js";
import { clusterFigures, dedupFigures } from "../metrics/figures.js";
import { jobFile } from "./job-files.js";

const facts = { started: 0, ended: 1, exitCode: 0, peakMemory: 1, stages: {}, version: "", node: "" };

/** Names of all metrics: of the commands, and of nightly.sh. */
const known: ReadonlySet<string> = new Set([
  ...(Object.keys(PREFIXES) as MeasuredCommand[])
    .flatMap((command) => runMetrics(command, facts))
    .map(({ name }) => name),
  ...[...dedupMetrics(dedupFigures), ...clusterMetrics(clusterFigures)].map(({ name }) => name),
  ...[...jobFile("nightly.sh").matchAll(/\bgauge (\w+) /g)].map(([, name]) => `bge_nightly_${name}`),
]);

/** Names of metrics in a text that no command has; recorded rules, which have a colon, are not metrics of commands. */
export function unknownMetrics(text: string): string[] {
  const names = new Set(text.match(/(?<![\w:])bge_(?:dedup|cluster|nightly)_\w+(?!:)/g) ?? []);
  return [...names].filter((name) => !known.has(name));
}
