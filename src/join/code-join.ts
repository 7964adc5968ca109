import type { BlockBuffers } from "./block.js";
import type { CodePlan } from "./codes/code-plan.js";
import type { IntegerScreen } from "./codes/integer-screen.js";
import type { ColumnGroup } from "./column-group.js";
import type { Deal } from "./deal.js";
import type { JoinOptions } from "./join-options.js";
import type { PairMeasurer } from "./pair-measurer.js";

/** What the parts of the join by integer codes share. */
export interface CodeJoin {
  readonly options: JoinOptions;
  readonly plan: CodePlan;
  readonly measurer: PairMeasurer;
  /** Meets tiles with columns that no host holds. */
  readonly screen: IntegerScreen;
  /** Who holds groups that are whole or of an earlier block. */
  readonly deal: Deal;
  /** Groups of kept vectors, which the join fills. */
  readonly groups: ColumnGroup[];
  /** Holds the vectors of a group that are read again, where there are several blocks. */
  readonly groupBuffers: BlockBuffers;
  /** True where hosts keep the codes of earlier blocks. */
  readonly keepCodes: boolean;
}
