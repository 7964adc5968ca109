import type { ColumnHost } from "./column-host.js";

/** Which host holds which group. */
export interface Deal {
  readonly hosts: readonly ColumnHost[];
  /** The host of a group, by its number. */
  hostOf(group: number): ColumnHost;
  /** Groups in a row that keep all hosts about equally busy. */
  readonly turn: number;
  /** Tiles that hosts work on while one is decided: 0 where all are in this thread. */
  readonly ahead: number;
}

/**
 * Nanoseconds that reading, coding and deciding a row take in this thread, and those for each of its components, as measured
 * for 256 and 1,024: what it has to do while workers multiply.
 */
const ROW_NS = 5300;
const COMPONENT_NS = 5;
/** Tiles ahead where there are workers: while one is decided, they are not without work. */
const AHEAD = 1;

/**
 * Deals groups in turn to workers, and as many to this thread that it is done with its own work and them when the workers
 * are: about a quarter at 100,000 x 1,024 beside one worker, none beside many.
 */
export function dealGroups(options: {
  local: ColumnHost;
  workers: readonly ColumnHost[];
  /** True where workers take all groups, whatever the product takes here. */
  device?: boolean;
  rows: number;
  dim: number;
  /** Nanoseconds of the product of a pair, as timed. */
  productNs: number;
}): Deal {
  const { local, workers, device = false, rows, dim, productNs } = options;
  const count = workers.length;
  if (count === 0) return { hosts: [local], hostOf: () => local, turn: 1, ahead: 0 };
  // With own work o and products p in all, a share s of which is done here: o + s p = (1 − s) p / workers.
  const own = (ROW_NS + COMPONENT_NS * dim) / ((productNs * rows) / 2);
  const every = Math.round((count + 1) / Math.max(0, 1 - count * own));
  if (device || every > 4 * (count + 1))
    return { hosts: workers, hostOf: (group) => workers[group % count], turn: count, ahead: AHEAD };
  return {
    hosts: [...workers, local],
    hostOf: (group) => (group % every === every - 1 ? local : workers[(group - Math.floor(group / every)) % count]),
    turn: every,
    ahead: AHEAD,
  };
}
