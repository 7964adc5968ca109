import { chmodSync, readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { UsageError } from "../../errors.js";
import { type Exposition, expositionText, parseExposition } from "../../metrics/exposition.js";
import { commandOfMetric } from "../../metrics/run-metrics.js";

/** Rights of a new file: the node exporter reads it under another account. */
const READABLE = 0o644;

/**
 * Replaces metrics of a file for the node exporter's textfile collector, atomically: the collector finds the file of
 * before or the new one, never a part. Everything is synchronous, since a run that a signal ends has no time to wait.
 * @param path ends in .prom; a link is followed
 * @param changed metrics that take the place of those of the same name
 * @param stays whether a metric that is not among them stays, as those of other commands and of an earlier run do
 * @throws UsageError if the file holds anything but metrics of this program; an error of the system
 */
export function updateMetricsFile(path: string, changed: Exposition, stays: (name: string) => boolean): void {
  const file = existing(path);
  const former = file === undefined ? new Map<string, string>() : readMetrics(file.path);
  const kept = [...former].filter(([name]) => stays(name) && !changed.has(name));
  const target = file?.path ?? path;
  // The collector takes every name that ends in .prom.
  const draft = `${target}.${process.pid}.new`;
  try {
    writeFileSync(draft, expositionText(new Map([...kept, ...changed])), { flush: true });
    chmodSync(draft, file === undefined ? READABLE : file.mode);
    renameSync(draft, target);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** The file that a path leads to, and its rights; undefined if there is none. */
function existing(path: string): { readonly path: string; readonly mode: number } | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw new UsageError(`--metrics ${path} is not a file; name a file to be written`);
  return { path: realpathSync(path), mode: stats.mode & 0o777 };
}

/** @throws UsageError if the file holds anything but metrics of this program */
function readMetrics(path: string): Exposition {
  const metrics = parseExposition(readFileSync(path, "utf8"), (name) => commandOfMetric(name) !== undefined);
  if (metrics !== undefined) return metrics;
  throw new UsageError(
    `--metrics ${path} holds something else than metrics of bge-dedup and is left as it is; name another file or delete it`,
  );
}
