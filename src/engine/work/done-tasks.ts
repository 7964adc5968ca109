import type { StageUnit } from "../../reporter.js";
import { type EmbeddedTask, kindsOf } from "../embed/kinds.js";
import type { StageFacts, StageName } from "../facts.js";
import type { Marker, RunFolder } from "../run-folder.js";

/** Markers that are read at a time. */
const AT_A_TIME = 64;

/** What the done tasks of a stage add up to. */
export interface DoneTotals {
  /** Tasks that were added up. */
  readonly tasks: number;
  /** Seconds that workers spent on them. */
  readonly seconds: number;
  /** What they have done in the unit of the stage; 0 where the stage has none. */
  readonly amount: number;
}

/** What a stage counts beside its tasks, by its facts. */
const AMOUNTS: { readonly [Name in StageName]?: { unit: StageUnit; of: (facts: StageFacts[Name]) => number } } = {
  read: { unit: "rows", of: ({ records }) => records },
  exact: { unit: "texts", of: ({ raws }) => raws },
  embed: { unit: "texts", of: ({ vectors }) => vectors },
  decide: { unit: "vectors", of: ({ kept, removed }) => kept + removed },
  write: { unit: "rows", of: ({ kept, removed }) => kept + removed.exact + removed.normalized + removed.semantic },
};

/** Unit in which a stage counts; undefined where it has its tasks alone. */
export const unitOf = (stage: StageName) => AMOUNTS[stage]?.unit;

/** Reads the markers of done tasks, each once, and adds them up. */
export class DoneTasks {
  readonly #folder: RunFolder;
  readonly #counted = new Map<StageName, Set<number>>();
  readonly #totals = new Map<StageName, DoneTotals>();
  readonly #embedded = new Map<number, EmbeddedTask>();

  constructor(folder: RunFolder) {
    this.#folder = folder;
  }

  /** Adds the tasks of a stage that are new and returns the totals of the stage. */
  async add(stage: StageName, done: ReadonlySet<number>): Promise<DoneTotals> {
    const counted = this.#counted.get(stage) ?? new Set<number>();
    this.#counted.set(stage, counted);
    const fresh = [...done].filter((index) => !counted.has(index));
    let totals = this.#totals.get(stage) ?? { tasks: 0, seconds: 0, amount: 0 };
    for (let at = 0; at < fresh.length; at += AT_A_TIME) {
      const some = fresh.slice(at, at + AT_A_TIME);
      const markers = await Promise.all(some.map((index) => this.#folder.marker(stage, index)));
      for (const [i, marker] of markers.entries()) {
        if (marker === undefined) continue;
        counted.add(some[i]);
        const amount = AMOUNTS[stage]?.of(marker.facts as never) ?? 0;
        totals = {
          tasks: totals.tasks + 1,
          seconds: totals.seconds + marker.seconds,
          amount: totals.amount + amount,
        };
        if (stage === "embed") this.#embedded.set(some[i], marker as Marker<"embed">);
      }
    }
    this.#totals.set(stage, totals);
    return totals;
  }

  /** Sentences on the tasks that embedded on another kind of processor than the first of them; empty as a rule. */
  get warnings(): readonly string[] {
    return kindsOf([...this.#embedded].sort(([a], [b]) => a - b)).warnings;
  }
}
