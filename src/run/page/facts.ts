import type { Named, PageCounts, PageFacts, PageSource } from "../../report/page/data.js";
import type { Survey } from "./survey.js";

/** The manifest as JSON gives it: parts that older versions lack are left out of the page. */
export interface LooseManifest {
  readonly version?: unknown;
  readonly threshold_source?: unknown;
  readonly stricter?: unknown;
  readonly model?: {
    readonly name?: unknown;
    readonly dim?: unknown;
    readonly dtype?: unknown;
    readonly device?: unknown;
  };
  readonly options?: Readonly<Record<string, unknown>>;
  readonly warnings?: unknown;
  readonly seconds?: unknown;
  readonly counts?: Readonly<Record<string, unknown>>;
  readonly inputs?: unknown;
  readonly cluster?: { readonly drift?: unknown };
}

/** The model in a line. */
export function modelLine({ model }: LooseManifest): string {
  const parts = [model?.name, `${model?.dim} dimensions`, `${model?.dtype} on ${model?.device}`];
  return parts.filter((part) => typeof part === "string" && !part.includes("undefined")).join(", ");
}

/** Every option of the run that says something, in words: `textFields` as text fields, bytes of memory in GB. */
export function optionLines({ options = {} }: LooseManifest): Named[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === null || value === undefined) return [];
    const text = name === "memory" && typeof value === "number" ? memoryText(value) : valueText(value);
    return [[name.replace(/(?<=[a-z])[A-Z]/g, (capital) => ` ${capital.toLowerCase()}`), text] as const];
  });
}

function memoryText(bytes: number): string {
  return bytes >= 2 ** 30 ? `${Number((bytes / 2 ** 30).toFixed(1))} GB` : `${Math.round(bytes / 2 ** 20)} MB`;
}

/** The guards that were on. */
export function guardNames({ options }: LooseManifest): string[] {
  const guards = options?.guards;
  if (typeof guards !== "object" || guards === null) return [];
  return Object.entries(guards).flatMap(([name, on]) => (on === true ? [name] : []));
}

/** What slightly higher thresholds would have kept. */
export function stricterThresholds({ stricter }: LooseManifest): PageFacts["stricter"] {
  if (!Array.isArray(stricter)) return [];
  return (stricter as Record<string, unknown>[])
    .map(({ threshold, more_kept }) => ({ threshold: Number(threshold), moreKept: Number(more_kept) }))
    .filter(({ threshold, moreKept }) => Number.isFinite(threshold) && Number.isFinite(moreKept));
}

/** A value of the manifest as a person reads it. */
export function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  const entries = Object.entries(value);
  // Guards are switches: those that are on.
  if (entries.every(([, on]) => typeof on === "boolean")) {
    return (
      entries
        .filter(([, on]) => on)
        .map(([name]) => name)
        .join(", ") || "none"
    );
  }
  return entries.map(([name, inner]) => `${name} ${valueText(inner)}`).join(", ");
}

/** The warnings of the run. */
export function warningLines({ warnings }: LooseManifest): string[] {
  return Array.isArray(warnings) ? warnings.map(String) : [];
}

/** Seconds of each stage. */
export function stageSeconds({ seconds }: LooseManifest): [string, number][] {
  return Object.entries(seconds ?? {}).filter(([, value]) => typeof value === "number") as [string, number][];
}

/** The counts of the manifest, which `readDedupManifest` has checked. */
export function pageCounts(counts: PageCounts): PageCounts {
  const { read, rejected, kept, removed, exact, normalized, semantic, against } = counts;
  return { read, rejected, kept, removed, exact, normalized, semantic, ...(against === undefined ? {} : { against }) };
}

/** The inputs with the rows that were removed of each, where the manifest records which rows each has. */
export function pageSources({ inputs }: LooseManifest, { removed }: Survey): PageSource[] {
  if (!Array.isArray(inputs)) return [];
  const sources = (inputs as Record<string, unknown>[]).map((input) => ({
    name: String(input.name),
    bytes: Number(input.bytes ?? 0),
    rows: typeof input.rows === "number" ? input.rows : undefined,
    first: typeof input.first_row === "number" ? input.first_row : undefined,
  }));
  if (sources.some(({ rows, first }) => rows === undefined || first === undefined)) {
    return sources.map(({ name, bytes }) => ({ name, bytes }));
  }
  const starts = Float64Array.from(sources, ({ first }) => first as number);
  const counts = new Uint32Array(sources.length);
  for (const row of removed.row) counts[lastAtMost(starts, row)]++;
  return sources.map(({ name, bytes, rows }, i) => ({ name, bytes, rows, removed: counts[i] }));
}

/** Index of the last number that is not above `value`, of ascending numbers; 0 where all are. */
function lastAtMost(numbers: Float64Array, value: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
