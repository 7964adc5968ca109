/**
 * Prometheus's text format. Own code: prom-client (15.1.3) takes 4.6 MB with its dependencies and 80 ms to load, reads
 * no former file, and pushes neither through a proxy nor under a label value that holds a slash.
 */

/** One value of a metric, told apart from the others by its labels. */
export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * A gauge: a metric that describes the last run. Each run is a process of its own, so nothing here could count on from
 * run to run as a counter does.
 */
export interface Gauge {
  /** Full name, as `bge_dedup_read_rows`. */
  readonly name: string;
  /** What the metric tells, in one line. */
  readonly help: string;
  readonly samples: readonly Sample[];
}

/** Lines of each metric by its name: HELP, TYPE and the samples, as they stand in a file. */
export type Exposition = ReadonlyMap<string, string>;

/**
 * Renders gauges in the text format. A sample without a finite value is left out, and so is a gauge without samples.
 * @param labels labels of every sample, in front of the sample's own
 */
export function render(gauges: readonly Gauge[], labels: Readonly<Record<string, string>>): Exposition {
  const metrics = new Map<string, string>();
  for (const { name, help, samples } of gauges) {
    const lines = samples
      .filter(({ value }) => Number.isFinite(value))
      .map((sample) => `${name}${labelSet({ ...labels, ...sample.labels })} ${sample.value}\n`);
    if (lines.length === 0) continue;
    metrics.set(name, `# HELP ${name} ${escaped(help)}\n# TYPE ${name} gauge\n${lines.join("")}`);
  }
  return metrics;
}

/** The text of a file or of a push. */
export function expositionText(metrics: Exposition): string {
  return [...metrics.values()].join("");
}

/** A line of the format; the first group is the name of a comment's metric, the second that of a sample's. */
const LINE = /^(?:# (?:HELP|TYPE) ([a-zA-Z_:][\w:]*)(?: .*)?|([a-zA-Z_:][\w:]*)(?:\{.*\})? \S+)$/;

/**
 * Reads a text that `render` made.
 * @param own whether a metric of this name may be in it
 * @returns undefined for a text that holds anything else
 */
export function parseExposition(text: string, own: (name: string) => boolean): Exposition | undefined {
  const metrics = new Map<string, string>();
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, described, sampled] = LINE.exec(line) ?? [];
    const name = described ?? sampled;
    if (name === undefined || !own(name)) return undefined;
    metrics.set(name, `${metrics.get(name) ?? ""}${line}\n`);
  }
  return metrics;
}

function labelSet(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

/** Text with its backslashes and line ends escaped. Prometheus refuses what is not Unicode. */
function escaped(text: string): string {
  return text.toWellFormed().replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}
