import { isRepeatable, processor } from "../../run/embed/vector-space.js";
import type { EmbedFacts, ProcessorKind } from "../facts.js";

/** An embed task that is done; `FinishedTask` is one. */
export interface EmbeddedTask {
  readonly facts: Pick<EmbedFacts, "kind" | "vectors">;
  /** Name of the machine that did it, if known. */
  readonly host?: string;
}

/** The kinds of processors that embedded the texts of a run. */
export interface ProcessorKinds {
  /** Kind that the run is pinned to: that of its first task; undefined while there is none. */
  readonly pinned?: ProcessorKind;
  /** Tasks that embedded on another kind. */
  readonly others: readonly number[];
  /** What a person should know of them, a sentence for each machine; empty as a rule. */
  readonly warnings: readonly string[];
}

/** Numbers of tasks that a sentence names. */
const NAMED = 5;

/**
 * The kind of this process.
 * @param options.probe of the model as it runs here; empty where it has not run
 * @param options.given whether the vectors come with the input; scaling them gives the same bits everywhere
 */
export function kindHere(options: {
  readonly device: ProcessorKind["device"];
  readonly probe: string;
  readonly given: boolean;
}): ProcessorKind {
  const { device, probe, given } = options;
  if (given || device !== "cpu") return { device, processor: "", probe };
  const [model, instructions = ""] = processor();
  return { device, processor: instructions === "" ? model : `${model}: ${instructions}`, probe };
}

/**
 * Finds the tasks whose vectors may differ in their last bits from those that the first task would have made. Where both
 * have made vectors of the probe, its bits decide. A task that took all its vectors from a cache has none; the cache gives
 * a processor only vectors of its own kind, so that the processor decides.
 * @param tasks those embed tasks that are done, by their numbers, ascending: of an array `entries()`
 */
export function kindsOf(tasks: Iterable<readonly [index: number, task: EmbeddedTask]>): ProcessorKinds {
  const done = [...tasks].map(([index, { facts, host }]) => ({ index, ...facts, host }));
  if (done.length === 0) return { others: [], warnings: [] };
  const [{ index: first, kind: pinned }] = done;
  const probed = done.filter(({ kind }) => kind.probe !== "");
  const probes = new Map(probed.map(({ kind }) => [kind.processor, kind.probe]));
  const bitsOf = ({ probe, processor }: ProcessorKind) => probe || (probes.get(processor) ?? "");
  const differs = (kind: ProcessorKind) => {
    if (kind.device !== pinned.device) return true;
    const [bits, pinnedBits] = [bitsOf(kind), bitsOf(pinned)];
    return bits === "" || pinnedBits === "" ? kind.processor !== pinned.processor : bits !== pinnedBits;
  };
  const others = done.filter(({ kind, vectors }) => vectors > 0 && differs(kind));
  const machines = new Map<string, number[]>();
  for (const { index, host, kind } of others) {
    const where = host === undefined ? "" : ` on host ${host}`;
    const words = `${where} embedded on another kind of processor (${inWords(kind)}) than task ${first} (${inWords(pinned)})`;
    machines.set(words, [...(machines.get(words) ?? []), index]);
  }
  return {
    pinned,
    others: others.map(({ index }) => index),
    warnings: [...machines].map(([words, numbers]) => {
      const their = numbers.length === 1 ? "its" : "their";
      return `${taskNumbers(numbers)}${words}: ${their} vectors may differ in their last bits`;
    }),
  };
}

/** What cannot be pinned of vectors that a device or a server makes; undefined where all is. */
export function unpinned(device: ProcessorKind["device"]): string | undefined {
  if (isRepeatable(device)) return undefined;
  const where = device === "endpoint" ? "behind a server" : `on ${device}`;
  return `${where} the last bits of a vector depend on its batch, so they may differ from those of a run on one machine`;
}

function inWords({ device, processor }: ProcessorKind): string {
  return processor === "" ? device : processor;
}

/** "task 7", "tasks 7, 8 and 9", "tasks 1, 2, 3, 4, 5 and 20 more". */
function taskNumbers(numbers: readonly number[]): string {
  if (numbers.length === 1) return `task ${numbers[0]}`;
  const named = numbers.slice(0, numbers.length > NAMED ? NAMED : -1).join(", ");
  const last = numbers.length > NAMED ? `${numbers.length - NAMED} more` : numbers[numbers.length - 1];
  return `tasks ${named} and ${last}`;
}
