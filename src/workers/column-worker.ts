import { ColumnCodes } from "../join/codes/column-codes.js";
import { LocalHost } from "../join/column-host.js";
import { createOrtEngine } from "../onnx/ort-engine.js";
import { moving, type Workers } from "./messages.js";
import { serve } from "./serve.js";

/** Worker that holds columns for the join, with an engine of one thread or on a device. */
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
        const rows = pairs.rows.slice(0, length);
        const columns = pairs.columns.slice(0, length);
        tell(moving({ rows, columns, length }, rows, columns));
      }
    },
  };
});
