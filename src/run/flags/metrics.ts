import { UsageError } from "../../errors.js";
import { type Gateway, parseGateway } from "../metrics/gateway.js";
import { textOf } from "./parse.js";

/** The flags that say where a run tells its metrics, as a person gives them. */
export interface MetricsFlags {
  readonly metrics?: string | string[];
  readonly push?: string | string[];
}

/**
 * The file of `--metrics`.
 * @throws UsageError for a name that the node exporter would pass over
 */
export function metricsPath({ metrics }: MetricsFlags): string | undefined {
  if (metrics === undefined) return undefined;
  const path = textOf("metrics", metrics);
  if (/[^/\\]\.prom$/.test(path)) return path;
  throw new UsageError(`--metrics ${path} is not a name such as faq.prom: the node exporter reads only *.prom`);
}

/** The gateway of `--push`. @throws UsageError as `parseGateway` */
export function metricsGateway({ push }: MetricsFlags, env: NodeJS.ProcessEnv): Gateway | undefined {
  return push === undefined ? undefined : parseGateway(textOf("push", push), env);
}
