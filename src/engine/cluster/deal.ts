/** Which worker holds each shard. Shards and workers are known by names. */
export interface Deal {
  /** Holder of a shard; undefined before there is a worker. */
  holder(shard: string): string | undefined;
  /** Shards that a worker holds, in the order in which they were added. */
  shardsOf(worker: string): string[];
  add(shard: string): void;
  remove(shard: string): void;
  /**
   * Deals the shards to the workers that live: those of lost workers to the ones that hold the fewest, and one by one
   * from the most to the least loaded until no two differ by more than one. So shards stay where their vectors are in
   * memory, a worker that comes late gets a share, and one worker alone gets all.
   * @param workers workers that live
   * @param isAsked whether a shard has a question without an answer: such a shard is the first to go to a worker that is
   * idle, the last one asked before the others, since the worker has probably not begun with it
   */
  update(workers: readonly string[], isAsked: (shard: string) => boolean): void;
  /**
   * Gives a worker no shard from now on as long as there is another one. Where all of them are avoided, only the last one
   * stays so, hence a worker that never answers keeps no shard for good.
   */
  avoid(worker: string): void;
}

/** Deals shards to workers. */
export function createDeal(): Deal {
  const holders = new Map<string, string | undefined>();
  const avoided = new Set<string>();
  const shardsOf = (worker: string) => [...holders].flatMap(([shard, holder]) => (holder === worker ? [shard] : []));

  /** The worker with the fewest or the most shards, the first among equals. */
  const extreme = (workers: readonly string[], sign: 1 | -1) =>
    workers.reduce((a, b) => (sign * (shardsOf(b).length - shardsOf(a).length) < 0 ? b : a));

  return {
    holder: (shard) => holders.get(shard),
    shardsOf,
    add: (shard) => void holders.set(shard, undefined),
    remove: (shard) => void holders.delete(shard),
    update(all, isAsked) {
      if (all.every((worker) => avoided.has(worker))) {
        const last = [...avoided].at(-1);
        for (const worker of avoided) if (worker !== last) avoided.delete(worker);
      }
      const preferred = all.filter((worker) => !avoided.has(worker));
      const workers = preferred.length > 0 ? preferred : all;
      for (const [shard, holder] of holders) {
        if (holder !== undefined && workers.includes(holder)) continue;
        holders.set(shard, workers.length === 0 ? undefined : extreme(workers, 1));
      }
      while (workers.length > 1) {
        const [least, most] = [extreme(workers, 1), extreme(workers, -1)];
        const rich = shardsOf(most);
        if (rich.length - shardsOf(least).length < 2) break;
        holders.set(rich.findLast(isAsked) ?? rich[rich.length - 1], least);
      }
    },
    avoid(worker) {
      avoided.delete(worker);
      avoided.add(worker);
    },
  };
}
