import type { BlockBuffers } from "./block.js";
import type { CodePlan } from "./codes/code-plan.js";
import type { IntegerScreen } from "./codes/integer-screen.js";
import type { ColumnGroup } from "./column-group.js";
import type { Deal } from "./deal.js";
import type { JoinOptions } from "./join-options.js";
import type { PairMeasurer } from "./pair-measurer.js";

/** What the steps of one join by integer codes share. `joinByCodes` makes it; it lives as long as the join. */
export interface CodeJoin {
  /** The caller's options, with the memory of the workers already taken off. */
  readonly options: JoinOptions;
  /** Code book, projection and product, chosen by trial. */
  readonly plan: CodePlan;
  /** Decides the pairs that survive a screen. */
  readonly measurer: PairMeasurer;
  /** Screens tiles against columns whose codes are in this thread: groups not yet at a host, and the tile itself. */
  readonly screen: IntegerScreen;
  /** Names the host of each group. A host has every full group, and every group of an earlier block. */
  readonly deal: Deal;
  /** All groups of kept vectors so far, in priority order. The steps of the join append to the list. */
  readonly groups: ColumnGroup[];
  /** Room for the vectors of one group that are read again. Empty where one block holds all vectors. */
  readonly groupBuffers: BlockBuffers;
  /** True where the hosts keep the codes of earlier blocks; otherwise every block codes the groups anew. */
  readonly keepCodes: boolean;
}
