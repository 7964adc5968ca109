import { GROUP } from "./codes/column-codes.js";
import type { ColumnHost } from "./column-host.js";

/** Which host holds which group. */
export interface Deal {
  readonly hosts: readonly ColumnHost[];
  /** The host of a group, by its number. */
  hostOf(group: number): ColumnHost;
  /** Groups in a row that keep all hosts about equally busy. */
  readonly roundGroups: number;
  /** Tiles that hosts work on while one is decided: 0 where all are in this thread. */
  readonly ahead: number;
}

/**
 * Nanoseconds that reading, coding and deciding a row take in this thread, and those for each of its components, as measured
 * for 256 and 1,024: what it has to do while workers multiply.
 */
const ROW_NS = 3500;
const COMPONENT_NS = 3.5;
/** Tiles ahead where there are workers: while one is decided, they are not without work. With one ahead a join took 4 % longer. */
const AHEAD = 2;

/**
 * Deals groups so that at every tile this thread is done with its own work and its groups when the workers are with theirs.
 * Own work is the same for each tile and that of groups grows with their number, so workers take the first groups alone, until
 * these are as much work; then all take turns. At 100,000 x 1,024 beside one worker that is 8 of 51 groups, beside many all.
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
  if (count === 0) return { hosts: [local], hostOf: () => local, roundGroups: 1, ahead: 0 };
  // With own work o and products p of a row, of which m here: o + m = (p − m) / workers, where p is large enough.
  const workerGroups = count * Math.round((ROW_NS + COMPONENT_NS * dim) / (productNs * GROUP));
  if (device || workerGroups * GROUP >= rows)
    return { hosts: workers, hostOf: (group) => workers[group % count], roundGroups: count, ahead: AHEAD };
  const hosts = [...workers, local];
  return {
    hosts,
    hostOf: (group) => (group < workerGroups ? workers[group % count] : hosts[(group - workerGroups) % hosts.length]),
    roundGroups: hosts.length,
    ahead: AHEAD,
  };
}
