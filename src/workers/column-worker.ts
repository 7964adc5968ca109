import { ColumnCodes } from "../join/codes/column-codes.js";
import { type ColumnHost, LocalHost } from "../join/column-host.js";
import { DeviceHost } from "../join/device-host.js";
import type { Pairs } from "../join/pair-list.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/**
 * Worker that holds groups of columns for the join. The worker has an engine of one thread, or an engine on a device.
 */
serve<Workers["columns"]>((provider) => {
  const engine = createOrtEngine({ threads: 1, provider });
  const host: ColumnHost = provider === "cpu" ? new LocalHost(engine) : new DeviceHost(engine);
  return {
    pairNs: async (depth) => host.pairNs?.(depth),
    open: (settings) => host.open(settings),
    hold: ({ group, ...columns }) => host.hold(group, new ColumnCodes(columns)),
    unload: (group) => host.unload(group),
    drop: (group) => host.drop(group),
    async meet({ groups, ...tile }, tell) {
      const meeting = host.meet(tile, groups);
      for (let met = 0; met < groups.length; ) {
        // Groups that were met together go in one message: a message for each costs more than a device's product.
        const batch: Pairs[] = [];
        do batch.push(copied(await meeting.next()));
        while (meeting.ready > 0);
        met += batch.length;
        tell(moving(batch, ...batch.flatMap(({ rows, columns, length }) => (length > 0 ? [rows, columns] : []))));
      }
    },
  };
});

/** The host reuses its list of pairs for the next group, so the pairs are copied before they are sent. */
function copied({ rows, columns, length }: Pairs): Pairs {
  return length === 0 ? NONE : { rows: rows.slice(0, length), columns: columns.slice(0, length), length };
}

const NONE: Pairs = { rows: new Int32Array(0), columns: new Int32Array(0), length: 0 };
