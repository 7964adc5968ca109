import { createBreaks } from "../breaks.js";
import { localShard } from "../cluster/shard.js";
import type { Totals } from "../cluster/sums.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { openVectorStore } from "../vectors/store.js";
import { type Moving, moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/**
 * Worker that holds a shard of the rows to be clustered. The worker opens the store and reads the shard's vectors
 * itself, so no vector travels between threads.
 */
serve<Workers["rows"]>(async ({ store, threads }) => {
  let onRows: (rows: number) => void = () => {};
  const shard = localShard({
    engine: createOrtEngine({ threads }),
    vectors: await openVectorStore(store),
    onRows: (rows) => onRows(rows),
    onTile: () => {},
    pause: createBreaks(),
  });
  return {
    open: (settings) => shard.open(settings),
    async pass({ centroids, measured }, tell) {
      onRows = tell;
      return copied(await shard.pass(centroids, measured));
    },
    move: async ({ row, to }) => copied(await shard.move(row, to)),
    async distances(_, tell) {
      onRows = tell;
      const distances = await shard.distances();
      return moving(distances, distances);
    },
    async assignment() {
      const assignment = (await shard.assignment()).slice();
      return moving(assignment, assignment);
    },
  };
});

/** Copies the sums, because the shard continues to work with its own arrays and the copy moves. */
function copied(totals: Totals): Moving<Totals> {
  const { dim, scale, squaredNorms } = totals;
  const [sums, weight, members] = [totals.sums.slice(), totals.weight.slice(), totals.members.slice()];
  return moving({ dim, scale, squaredNorms, sums, weight, members }, sums, weight, members);
}
