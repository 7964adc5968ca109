import type { RunPlan } from "../plan.js";

/** Flags on which no result depends: whoever goes on with a run may choose them anew. */
const FREE = new Set(["threads", "memory", "maxRemoved"]);

/** What of a plan does not depend on the number of workers. */
export type PlannedWork = Pick<RunPlan, "version" | "cwd" | "flags" | "inputs"> & Partial<Pick<RunPlan, "files">>;

/** Describes the first difference between two plans that changes the work; undefined if one may continue the other. */
export function planDifference(before: PlannedWork, after: PlannedWork): string | undefined {
  const { version, cwd } = before;
  if (version !== after.version) return `it was planned by bge-dedup ${version}, and this is ${after.version}`;
  if (cwd !== after.cwd) return `it was planned in the folder ${cwd}, and this is ${after.cwd}`;
  const inputs = listDifference("input", before.inputs, after.inputs);
  if (inputs !== undefined) return inputs;
  const flags: Readonly<Record<string, unknown>> = { ...before.flags };
  const others: Readonly<Record<string, unknown>> = { ...after.flags };
  for (const name of new Set([...Object.keys(flags), ...Object.keys(others)])) {
    if (FREE.has(name) || JSON.stringify(flags[name]) === JSON.stringify(others[name])) continue;
    return `--${kebab(name)} was ${shown(flags[name])} and is ${shown(others[name])}`;
  }
  if (before.files === undefined || after.files === undefined) return undefined;
  const files = listDifference(
    "file",
    before.files.map(({ name }) => name),
    after.files.map(({ name }) => name),
  );
  if (files !== undefined) return files;
  const changed = after.files.find(({ bytes }, at) => bytes !== before.files?.[at].bytes);
  if (changed === undefined) return undefined;
  const { bytes } = before.files[after.files.indexOf(changed)];
  return `the input ${changed.name} had ${bytes} bytes and has ${changed.bytes}`;
}

function listDifference(what: string, before: readonly string[], after: readonly string[]): string | undefined {
  for (let at = 0; at < Math.max(before.length, after.length); at++) {
    if (before[at] !== after[at])
      return `${what} ${at + 1} was ${before[at] ?? "absent"} and is ${after[at] ?? "absent"}`;
  }
  return undefined;
}

const kebab = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const shown = (value: unknown) => (value === undefined ? "absent" : [value].flat().join(" "));
