import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { StageTiming } from "../../reporter.js";
import { WORK } from "../../run/work/publication.js";
import type { EmbedFacts, StageName } from "../facts.js";
import { planHash, type RunPlan } from "../plan.js";
import { openRunFolder, PLAN_FILE, type TaskCost } from "../run-folder.js";
import type { FinishedTask } from "../stage.js";

/** The stages whose tasks are done when the result is published, in order. */
const STAGES: readonly StageName[] = [
  "read",
  "exact",
  "number",
  "embed",
  "order",
  "against",
  "decide",
  "drop",
  "fates",
  "write",
  "assemble",
];

/** How a run came about that was cut into tasks, as its manifest records it. */
export interface EngineRecord {
  /** Identity of the plan, by which a worker knows that the run it works on is finished. */
  readonly plan: string;
  /** Number of workers that the run was cut for. */
  readonly workers: number;
  /** Names of the machines that did the tasks that count. */
  readonly hosts: readonly string[];
  readonly tasks: number;
  readonly seconds: {
    /** From the plan to the last task before the publication, by the clock of the file system. */
    readonly wall: number;
    /** Of all tasks together. */
    readonly summed: number;
  };
  /** What computed the vectors. */
  readonly kinds: readonly EmbedFacts["kind"][];
}

/** What the tasks of a run took. */
export interface TasksTook {
  readonly engine: EngineRecord;
  /** Seconds of each stage, summed over its tasks. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Each stage: when its first task began, and its seconds as above. */
  readonly stages: readonly StageTiming[];
  /** Most resident bytes that a worker had. */
  readonly peakMemory: number;
}

const rounded = (seconds: number) => Math.round(seconds * 1000) / 1000;

/** Sums up what the tasks of a run took, from their markers. */
export async function tasksTook(
  out: string,
  plan: RunPlan,
  embedded: readonly FinishedTask<"embed">[],
): Promise<TasksTook> {
  const folder = openRunFolder(out, plan);
  const { mtimeMs: planned } = await stat(join(out, WORK, PLAN_FILE));
  const seconds: Record<string, number> = {};
  const stages: StageTiming[] = [];
  const all: TaskCost[] = [];
  for (const name of STAGES) {
    const costs = await folder.costs(name);
    if (costs.length === 0) continue;
    all.push(...costs);
    const first = Math.min(...costs.map((cost) => cost.end - 1000 * cost.seconds));
    seconds[name] = costs.reduce((sum, cost) => sum + cost.seconds, 0);
    stages.push({
      name,
      start: rounded(Math.max(0, first - planned) / 1000),
      seconds: rounded(seconds[name]),
    });
  }
  const last = all.reduce((end, cost) => Math.max(end, cost.end), planned);
  return {
    engine: {
      plan: planHash(plan),
      workers: plan.workers,
      hosts: [...new Set(all.map(({ host }) => host))].sort(),
      tasks: all.length,
      seconds: {
        wall: rounded((last - planned) / 1000),
        summed: rounded(all.reduce((sum, cost) => sum + cost.seconds, 0)),
      },
      kinds: distinctKinds(embedded.map(({ facts }) => facts.kind)),
    },
    seconds,
    stages,
    peakMemory: all.reduce((most, { memory }) => Math.max(most, memory), 0),
  };
}

/** The kinds that differ. A task that had no text to embed has no probe of its own and counts with its processor. */
function distinctKinds(kinds: readonly EmbedFacts["kind"][]): EmbedFacts["kind"][] {
  const found = new Map<string, EmbedFacts["kind"]>();
  for (const kind of kinds) if (kind.probe !== "") found.set(JSON.stringify(kind), kind);
  const processors = new Set(Array.from(found.values(), ({ device, processor }) => `${device} ${processor}`));
  for (const kind of kinds) {
    if (!processors.has(`${kind.device} ${kind.processor}`)) found.set(JSON.stringify(kind), kind);
  }
  return [...found.values()];
}
