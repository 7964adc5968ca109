import { parentPort, workerData } from "node:worker_threads";
import { ColumnCodes } from "../join/codes/column-codes.js";
import { LocalHost } from "../join/column-host.js";
import { createOrtEngine, type Provider } from "../onnx/ort-engine.js";
import type { Found, HostMessage } from "./column-messages.js";

/** Worker that holds columns for the join, with an engine of one thread or on a device. */
const port = parentPort;
if (port === null) throw new Error("this module is a worker: start it with startColumnWorkers");
const host = new LocalHost(createOrtEngine({ threads: 1, provider: workerData as Provider }));

async function handle(message: Exclude<HostMessage, { kind: "close" }>): Promise<void> {
  switch (message.kind) {
    case "open":
      return host.open(message.settings);
    case "hold":
      return host.hold(message.group, new ColumnCodes(message));
    case "rest":
    case "drop":
      return host[message.kind](message.group);
    case "meet": {
      const { tile, groups } = message;
      const meeting = host.meet(message, groups);
      for (let i = 0; i < groups.length; i++) {
        const pairs = await meeting.next();
        const rows = pairs.rows.slice(0, pairs.length);
        const columns = pairs.columns.slice(0, pairs.length);
        port?.postMessage({ tile, rows, columns } satisfies Found, [rows.buffer, columns.buffer]);
      }
    }
  }
}

let last: Promise<void> = Promise.resolve();
port.on("message", (message: HostMessage) => {
  // Between two native calls, since this thread is here: ended in the midst of one, onnxruntime would end the whole process.
  if (message.kind === "close") process.exit(0);
  last = last
    .then(() => handle(message))
    .catch((error: Error) => port.postMessage({ error: error.message } satisfies Found));
});
