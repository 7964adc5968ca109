import { TILE_ROWS } from "./block.js";
import { GROUP } from "./codes/column-codes.js";
import type { ColumnHost } from "./column-host.js";

/** Assignment of groups of columns to hosts. A group's host never changes. */
export interface Deal {
  /** All hosts that take groups, each once. */
  readonly hosts: readonly ColumnHost[];
  /** The host of a group, by the group's number. */
  hostOf(group: number): ColumnHost;
  /**
   * Consecutive groups that keep all hosts about equally busy: one a host, and as many as a device takes at once. An
   * earlier block meets them together.
   */
  readonly roundGroups: number;
  /** Tiles that hosts work on while one tile is decided: 0 where all work is done in this thread. */
  readonly ahead: number;
}

/**
 * This thread's own work while the workers multiply: nanoseconds to read, code and decide a row, and those for each of
 * its components. Measured with vectors of 256 and of 1,024 components.
 */
const ROW_NS = 3500;
const COMPONENT_NS = 3.5;
/** Tiles in flight besides the one being decided, so that no worker runs dry. With one tile a join took 4 % longer. */
const AHEAD = 2;
/**
 * Columns that each row meets in this thread whatever the deal: half of its own tile, at the price of short calls, half of
 * the group that is being filled, and what filled up while the tile was in flight.
 */
const OWN_COLUMNS = GROUP / 2 + (AHEAD + 0.65) * TILE_ROWS;
/** Groups that a device takes at once: a slab of device-host.ts. Their codes may take this share of the memory. */
const DEVICE_ROUND = { groups: 64, share: 1 / 16 };

/**
 * Deals groups so that, tile by tile, this thread finishes its own work and its groups when the workers finish theirs.
 *
 * Own work is the same for every tile, while work on groups grows with their number. So workers take the first groups
 * alone until these are as much work as this thread's own; from then on all hosts take turns. Let a row cost this
 * thread o of its own and p for all products, of which m fall to this thread; both sides are done together where o + m
 * = (p − m) / workers. At 100,000 vectors of 1,024 components, with a product of 0.45 ns a pair:
 *
 *     o = 3500 + 3.5 · 1024 + 3674 · 0.45 = 8,737 ns;  a group costs 1,920 columns · 0.45 ns = 864 ns;  o is worth 10 groups
 *     one worker: it takes the first 10 groups alone, then every other one of 53; six workers or more: all groups
 */
export function dealGroups(options: {
  /** The host in this thread. */
  local: ColumnHost;
  workers: readonly ColumnHost[];
  /**
   * Where the workers compute on a device, the join's memory in bytes and the depth of the codes. They take all groups
   * then, however fast the product is in this thread.
   */
  device?: { memory: number; depth: number };
  /** Vectors to be joined, and their components. */
  rows: number;
  dim: number;
  /** Nanoseconds that the product of one pair takes in this thread, as the plan timed it. */
  productNs: number;
}): Deal {
  const { local, workers, device, rows, dim, productNs } = options;
  const count = workers.length;
  if (count === 0) return { hosts: [local], hostOf: () => local, roundGroups: 1, ahead: 0 };
  // Groups whose products take the workers, all together, as long as this thread's own work takes.
  const ownNs = ROW_NS + COMPONENT_NS * dim + OWN_COLUMNS * productNs;
  const workerGroups = count * Math.round(ownNs / (productNs * GROUP));
  if (device !== undefined) {
    const { groups, share } = DEVICE_ROUND;
    const roundGroups = Math.max(1, Math.min(groups, Math.floor((share * device.memory) / (GROUP * device.depth))));
    return {
      hosts: workers,
      hostOf: (group) => workers[group % count],
      roundGroups: roundGroups * count,
      ahead: AHEAD,
    };
  }
  if (workerGroups * GROUP >= rows)
    return { hosts: workers, hostOf: (group) => workers[group % count], roundGroups: count, ahead: AHEAD };
  const hosts = [...workers, local];
  return {
    hosts,
    hostOf: (group) => (group < workerGroups ? workers[group % count] : hosts[(group - workerGroups) % hosts.length]),
    roundGroups: hosts.length,
    ahead: AHEAD,
  };
}
