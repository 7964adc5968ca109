import { type LearntCodes, learnCodes, MOST_PLANNED } from "../../join/codes/code-plan.js";
import type { JoinOptions } from "../../join/join-options.js";
import { isSmall } from "../../join/join-small.js";
import type { JoinResult } from "../../join/judge.js";
import { selfJoin } from "../../join/self-join.js";
import { createOrtEngine, type Provider } from "../../onnx/ort-engine.js";
import { vectorBudget } from "../../run/work/memory.js";
import { samplePositions } from "../../vectors/gather.js";
import type { VectorReader } from "../../vectors/reader.js";
import { columnWorkers } from "../../workers/column-workers.js";
import type { OrderFacts } from "../facts.js";
import type { RunPlan } from "../plan.js";
import type { TaskContext } from "../stage.js";
import type { RunJoin } from "./row-group.js";
import { allRows, type OpenRows, openReferenceRows, openRows, type Rows, rowsOfBlock } from "./rows.js";

/** Engines of a thread, as in `JoinOptions`. */
type Engines = Required<Pick<JoinOptions, "engine" | "wideEngine">>;

/** A part of the join: whose vectors meet whom. */
export interface JoinPart {
  readonly rows: Rows;
  /** Vectors before them in priority: of the run, or with `against` of the references. */
  readonly references: Rows;
  readonly against: boolean;
  /** Whether the rows then meet each other. */
  readonly within: boolean;
}

/** Codes that this process has learnt, by run. Learning them anew for each task would take longer than small tasks do. */
const learnt = new WeakMap<RunPlan, Promise<LearntCodes>>();

/** Blocks from which codes are learnt. */
const MOST_LOOKED = 16;

/**
 * Joins vectors with reference vectors, which are before them in priority, and then with each other if `within` says so.
 * The indices of the outcome are those of `rows` and `references`.
 */
export async function joinPart(context: TaskContext, join: RunJoin, part: JoinPart): Promise<JoinResult> {
  const { tasks, order } = join;
  const { rows, references, against } = part;
  const opened: OpenRows[] = [];
  const open = async (opening: Promise<OpenRows>) => {
    opened.push(await opening);
    return opened[opened.length - 1].vectors;
  };
  try {
    const vectors = await open(openRows(tasks, order, rows.positions));
    const others = await open(
      against && join.references !== undefined
        ? openReferenceRows(join.references, references.positions)
        : openRows(tasks, order, references.positions),
    );
    return await joinVectors(context, order, { ...part, vectors, others });
  } finally {
    for (const { close } of opened) await close();
  }
}

/** Joins the vectors of a part, which are open. */
async function joinVectors(
  context: TaskContext,
  order: OrderFacts,
  part: JoinPart & { readonly vectors: VectorReader; readonly others: VectorReader },
): Promise<JoinResult> {
  const { options, signal, reporter } = context;
  const { rows, references, within, vectors, others } = part;
  const { threshold } = order;
  const provider = providerOf(options.device);
  const engine = createOrtEngine({ threads: 1 });
  const wideEngine = createOrtEngine({ threads: options.threads });
  const stage = reporter.stage("join", rows.positions.length + references.positions.length);
  const done = { references: 0, rows: 0 };
  const result = await selfJoin({
    vectors,
    order: all(rows),
    threshold,
    signatures: rows.signatures,
    references:
      within && references.positions.length === 0
        ? undefined
        : { vectors: others, order: all(references), signatures: references.signatures },
    within,
    // Where all vectors together are few, no task has enough of them for codes to pay. On a device each join plans by the
    // speed of that device.
    codes:
      provider !== "cpu" || isSmall(order.vectors, order.dim)
        ? undefined
        : () => codesOfRun(context, order, { engine, wideEngine }),
    engine,
    wideEngine,
    workers: columnWorkers(options.threads, provider),
    memory: vectorBudget(options.memory),
    onProgress: (count) => {
      done.rows = count;
      stage.advance(done.references + done.rows);
    },
    onReferences: (count) => {
      done.references = count;
      stage.advance(done.references + done.rows);
    },
    signal,
  });
  stage.end();
  return result;
}

/** A device that is asked for by name is used without a trial: where it is missing, the join says so. */
function providerOf(device: "auto" | Provider): Provider {
  return device === "auto" ? "cpu" : device;
}

/** The codes of a run, learnt when the first task of this process needs them. */
function codesOfRun(context: TaskContext, order: OrderFacts, engines: Engines): Promise<LearntCodes> {
  const { plan } = context;
  const known = learnt.get(plan) ?? learnOfRun(context, order, engines);
  learnt.set(plan, known);
  known.catch(() => learnt.delete(plan));
  return known;
}

/** Learns codes from vectors of blocks at even distances, so that they fit vectors of any task. */
async function learnOfRun(
  { tasks, plan, signal }: TaskContext,
  order: OrderFacts,
  engines: Engines,
): Promise<LearntCodes> {
  const { blocks, threshold } = order;
  const looked = Math.min(blocks, MOST_LOOKED);
  const parts: Rows[] = [];
  for (let i = 0; i < looked; i++) {
    const { positions } = await rowsOfBlock(tasks, Math.floor((i * blocks) / looked));
    parts.push({ positions: samplePositions(positions, Math.ceil(MOST_PLANNED / looked)) });
  }
  const sample = allRows(parts);
  const opened = await openRows(tasks, order, sample.positions);
  try {
    const whole = { rows: order.vectors, pairs: order.vectors ** 2 / 2 / plan.workers };
    return await learnCodes({ ...engines, vectors: opened.vectors, order: all(sample), whole, threshold, signal });
  } finally {
    await opened.close();
  }
}

/** All vectors of a side, in their order. */
function all({ positions }: Rows): Uint32Array {
  return Uint32Array.from(positions.keys());
}
