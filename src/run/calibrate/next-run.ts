import { formatKeepPolicy, type KeepPolicy } from "../../exact/priority.js";
import type { Guards } from "../../text/guard-choice.js";
import type { Format, SharedOptions } from "../options.js";

/** The options of a run of bge-dedup that a calibration stands for, as far as they are known. */
export interface CalibratedRun extends Partial<Omit<SharedOptions, "endpoint">> {
  readonly inputs: readonly string[];
  readonly endpoint?: { readonly url: string; readonly model?: string };
  readonly keep?: KeepPolicy;
  readonly guards?: Guards;
  readonly formats?: readonly Format[];
  readonly against?: readonly string[];
}

/** A flag with its value, and the value that needs no flag. */
type Flag = readonly [name: string, value: string | number | undefined, usual?: string];

/**
 * The arguments with which bge-dedup decides on the calibrated rows by a threshold: the inputs, every flag that is not
 * at its default, the threshold and the guards.
 * @param options.guards names of guards to add to those of the run
 */
export function nextArguments(options: {
  run: CalibratedRun;
  threshold: number;
  guards?: readonly string[];
}): string[] {
  const { run, threshold, guards = [] } = options;
  const flags: Flag[] = [
    ...without(run.textFields, "text").map((field): Flag => ["-t", field]),
    ["--input-format", run.inputFormat],
    ["--delimiter", run.delimiter],
    ["--source-field", run.sourceField],
    ["--id-field", run.idField],
    ["--vector-field", run.vectorField],
    ["-o", run.out, "bge-out"],
    ...modelFlags(run),
    ["--max-length", run.maxLength],
    ["--long", run.long, "truncate"],
    ["--keep", run.keep && formatKeepPolicy(run.keep), "first"],
    ...without(run.formats, "arrow").map((format): Flag => ["--format", format]),
    ...(run.against ?? []).map((path): Flag => ["--against", path]),
    ["--threshold", threshold],
    ...guardNames(run.guards, guards).map((guard): Flag => ["--guard", guard]),
  ];
  const given = flags.filter(([, value, usual]) => value !== undefined && value !== usual);
  return [...run.inputs, ...given.flatMap(([name, value]) => [name, String(value)])];
}

function modelFlags({ vectorField, endpoint, model, device, dtype }: CalibratedRun): Flag[] {
  if (vectorField !== undefined) return [];
  if (endpoint !== undefined) {
    return [
      ["--endpoint", endpoint.url],
      ["--endpoint-model", endpoint.model],
    ];
  }
  return [
    ["-m", model, "builtin"],
    ["--device", device, "auto"],
    ["--dtype", dtype, "auto"],
  ];
}

/** The values of a repeatable flag; none where they are its default. */
function without(values: readonly string[] | undefined, usual: string): readonly string[] {
  return values === undefined || (values.length === 1 && values[0] === usual) ? [] : values;
}

function guardNames(guards: Guards | undefined, added: readonly string[]): string[] {
  const given = Object.entries(guards ?? {}).flatMap(([name, active]) => (active ? [name] : []));
  return [...new Set([...given, ...added])];
}
