import { ColumnCodes } from "../join/codes/column-codes.js";
import { LocalHost } from "../join/column-host.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/**
 * Worker that holds groups of columns for the join. The worker has an engine of one thread, or an engine on a device.
 */
serve<Workers["columns"]>((provider) => {
  const host = new LocalHost(createOrtEngine({ threads: 1, provider }));
  return {
    open: (settings) => host.open(settings),
    hold: ({ group, ...columns }) => host.hold(group, new ColumnCodes(columns)),
    unload: (group) => host.unload(group),
    drop: (group) => host.drop(group),
    async meet({ groups, ...tile }, tell) {
      const meeting = host.meet(tile, groups);
      for (let i = 0; i < groups.length; i++) {
        const pairs = await meeting.next();
        const { length } = pairs;
        // The host reuses its list of pairs for the next group, so the pairs are copied before they are sent.
        const rows = pairs.rows.slice(0, length);
        const columns = pairs.columns.slice(0, length);
        tell(moving({ rows, columns, length }, rows, columns));
      }
    },
  };
});
